/**
 * Paths in images are bytes. The page keeps them percent-encoded: as text they are equal where the bytes are, they fit
 * into its address, and they are the same that the worker's URLs have.
 * @module
 */
import { encodePath } from "../../../web/path.ts";
import { type Catalogue, chainOf, childrenOf, firstDifference, nameBytes } from "./catalogue.ts";

/** An absolute path, percent-encoded: `/`, `/etc/os-release`, `/caf%E9`. No slash at its end but the root's. */
export type EncodedPath = string;

const encoder = new TextEncoder();

/** The bytes of an encoded path. A `%` that starts no pair of digits is itself. */
export function decodePath(path: EncodedPath): Uint8Array {
  const bytes = encoder.encode(path);
  let to = 0;
  for (let from = 0; from < bytes.length; from++, to++) {
    const pair = bytes[from] === 0x25 ? /^[0-9A-Fa-f]{2}$/.exec(ascii(bytes, from + 1)) : null;
    bytes[to] = pair ? Number.parseInt(pair[0], 16) : (bytes[from] ?? 0);
    if (pair) from += 2;
  }
  return bytes.subarray(0, to);
}

function ascii(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 2));
}

/** The path for people; what is not UTF-8 becomes U+FFFD. */
export function displayPath(path: EncodedPath): string {
  return new TextDecoder().decode(decodePath(path));
}

/** The path of an entry. */
export function pathOf(c: Catalogue, entry: number): EncodedPath {
  const names = chainOf(c, entry).slice(1);
  return `/${names.map((at) => encodePath(nameBytes(c, at))).join("/")}`;
}

/** The entry at a path, or `undefined`. Links are not followed. */
export function entryAt(c: Catalogue, path: EncodedPath): number | undefined {
  let at = 0;
  for (const name of path.split("/")) {
    if (name === "") continue;
    const next = childAt(c, at, name);
    if (next === undefined) return undefined;
    at = next;
  }
  return at;
}

/** The entry of a name in a folder. */
export function childAt(c: Catalogue, folder: number, name: EncodedPath): number | undefined {
  const wanted = decodePath(name);
  for (const child of childrenOf(c, folder)) {
    if (firstDifference(nameBytes(c, child), wanted) === undefined) return child;
  }
  return undefined;
}
