/** The address that is shown, as a signal; and ways to go elsewhere. @module */
import { signal } from "@preact/signals";
import { type Address, formatAddress, parseAddress, START } from "../address/address.ts";

/** What the page shows now. Follows the browser's back and forward. */
export const address = signal<Address>(parseAddress(location.hash));

addEventListener("hashchange", () => {
  address.value = parseAddress(location.hash);
});

/** Goes to another address: `go({ path: "/etc" })` keeps the rest, but lines and what depends on the image. */
export function go(change: Partial<Address>, options: { replace?: boolean } = {}): void {
  const next = nextAddress(change);
  const hash = formatAddress(next);
  if (hash === location.hash) return;
  // The browser tells of changes of `location.hash` only; these are ours.
  if (options.replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  address.value = parseAddress(hash);
}

/** A link's `href` to an address. */
export function href(change: Partial<Address>): string {
  return formatAddress(nextAddress(change));
}

function nextAddress(change: Partial<Address>): Address {
  const from = address.peek();
  const isOther = "image" in change && change.image !== from.image;
  // What only one view understands does not go along to another.
  const left = change.view && change.view !== from.view ? { show: undefined, layer: undefined } : {};
  return { ...(isOther ? START : { ...from, lines: undefined, ...left }), ...change };
}
