/** Links that show the same for ever. @module */
import { type Address, formatAddress } from "../address/address.ts";
import { pinned } from "../address/pin.ts";
import { address } from "./location.ts";
import { image } from "./session.ts";

/** The whole URL of what is on screen, pinned; with `change` of something beside it. */
export function permalink(change: Partial<Address> = {}): string {
  const now = address.peek();
  const target = { ...now, ...change, ...pinned(now, image.peek()) };
  return new URL(formatAddress(target), location.href).href;
}
