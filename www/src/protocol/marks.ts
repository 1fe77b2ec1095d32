/** Entries by their marks. @module */
import { type Catalogue, MARKS, type Mark } from "./catalogue.ts";

/** The entries that have one of some marks, in their order. */
export function markedEntries(c: Catalogue, marks: readonly Mark[]): Uint32Array {
  const wanted = marks.map((mark) => MARKS.indexOf(mark));
  const found: number[] = [];
  for (let at = 1; at < c.count; at++) if (wanted.includes(c.mark[at] ?? 0)) found.push(at);
  return Uint32Array.from(found);
}

/** All marks but `none`. */
export const CHANGES = MARKS.filter((mark) => mark !== "none");
