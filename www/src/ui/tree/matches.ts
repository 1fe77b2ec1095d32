/** Matches in names. @module */

import { type Catalogue, nameBytes } from "../../protocol/catalogue.ts";
import { isGlob } from "../../protocol/query.ts";

const encoder = new TextEncoder();
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const CASE = 0x20;

/**
 * Of all entries whose paths match, those whose own names do: where `lib` is looked for, what is in `/usr/lib` matches
 * by its folder alone.
 */
export function ownMatches(c: Catalogue, matches: Uint32Array, query: string): Uint32Array {
  if (isGlob(query)) return matches;
  const matched = new Uint8Array(c.count);
  for (const entry of matches) matched[entry] = 1;
  // A match that ends in the name holds at least the query's last part.
  const wanted = folded(encoder.encode(query.slice(query.lastIndexOf("/") + 1)));
  const own = new Uint32Array(matches.length);
  let count = 0;
  for (const entry of matches) {
    if (matched[c.parent[entry] ?? 0] === 0 || holds(c, entry, wanted)) own[count++] = entry;
  }
  return own.subarray(0, count);
}

/** A name in up to three parts, of which the middle one matches. `folder`: the path of its folder, with a slash at its end. */
export function highlight(name: string, folder: string, query: string): [string, string, string] {
  if (query === "") return [name, "", ""];
  if (isGlob(query)) return ["", name, ""];
  const path = (folder + name).toLowerCase();
  const wanted = query.toLowerCase();
  // Some letters change their length with their case: nothing is marked rather than the wrong part.
  if (path.length !== folder.length + name.length) return [name, "", ""];
  const at = path.indexOf(wanted, Math.max(0, folder.length - wanted.length + 1));
  if (at < 0) return [name, "", ""];
  const from = Math.max(0, at - folder.length);
  const to = at + wanted.length - folder.length;
  return [name.slice(0, from), name.slice(from, to), name.slice(to)];
}

/** Whether an entry's name starts with `prefix`, in any case of ASCII letters. `prefix` is {@link folded}. */
export function startsWith(c: Catalogue, entry: number, prefix: Uint8Array): boolean {
  const name = nameBytes(c, entry);
  return name.length >= prefix.length && prefix.every((byte, i) => byte === fold(name[i] ?? 0));
}

/** Bytes of text with ASCII letters in lower case. */
export function foldedText(text: string): Uint8Array {
  return folded(encoder.encode(text));
}

function folded(bytes: Uint8Array): Uint8Array {
  return bytes.map(fold);
}

function fold(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte + CASE : byte;
}

/** Whether an entry's name holds `wanted`, in any case of ASCII letters. */
function holds(c: Catalogue, entry: number, wanted: Uint8Array): boolean {
  const last = (c.nameEnds[entry] ?? 0) - wanted.length;
  for (let at = c.nameEnds[entry - 1] ?? 0; at <= last; at++) {
    let i = 0;
    while (i < wanted.length && fold(c.names[at + i] ?? 0) === wanted[i]) i++;
    if (i === wanted.length) return true;
  }
  return false;
}
