/** The comparison that the address names: opens the other image. @module */
import type { Address } from "../address/address.ts";
import type { Comparison, Cost, OpenedImage } from "../protocol/api.ts";
import type { CallOptions } from "../protocol/rpc.ts";
import { engine } from "./engine.ts";
import { bytesToAskFor, readingOf, sourceOf } from "./session.ts";

/** What comparing led to. */
export type Compared =
  /** Listing the other image needs so many bytes of whole layers: the user is asked first. */
  | { step: "ask"; right: OpenedImage; bytes: number }
  | { step: "open"; left: OpenedImage; right: OpenedImage; comparison: Comparison; rightCost: Cost };

/** Two images, compared. */
export type OpenComparison = Compared & { step: "open" };

/** The last one: who comes back from a file finds the tree as it was. */
let last: { key: string; compared: OpenComparison } | undefined;

/** What names the other image; nothing where the address names none. */
export function otherKey(address: Address): string | undefined {
  const { with: name, withPlatform, withTag, platform } = address;
  return name === undefined ? undefined : JSON.stringify([name, withPlatform ?? platform, withTag]);
}

/**
 * Opens the other image and compares. `consent`: also if that needs whole layers. Where the address names no platform
 * for it, it is that of the first one.
 */
export async function compareWith(
  left: OpenedImage,
  address: Address,
  consent: boolean,
  options: CallOptions,
): Promise<Compared> {
  const key = `${left.id} ${otherKey(address)}`;
  if (last?.key === key && (await isOpen(last.compared.right))) return last.compared;
  const source = sourceOf(address.with ?? "", address.withTag);
  const platform = address.withPlatform ?? address.platform;
  const right = await engine.open([source, platform, readingOf(address.with ?? "", platform)], options);
  const bytes = bytesToAskFor(source, right);
  if (bytes !== undefined && !consent) return { step: "ask", right, bytes };
  return recompare(key, left, right, options);
}

/** The engine closes what was not used for a while. */
async function isOpen(image: OpenedImage): Promise<boolean> {
  try {
    await engine.image([image.id]);
    return true;
  } catch {
    return false;
  }
}

async function recompare(
  key: string,
  left: OpenedImage,
  right: OpenedImage,
  options: CallOptions,
): Promise<OpenComparison> {
  const comparison = await engine.compare([left.id, right.id], options);
  const rightCost = await engine.cost([right.id, false], options);
  last = { key, compared: { step: "open", left, right, comparison, rightCost } };
  return last.compared;
}

/** Compares contents of what attributes could not tell; then all is compared anew. */
export async function compareContents(
  { left, right }: OpenComparison,
  paths: string[],
  address: Address,
  options: CallOptions,
): Promise<OpenComparison> {
  await engine.compareContents([left.id, right.id, paths], options);
  return recompare(`${left.id} ${otherKey(address)}`, left, right, options);
}
