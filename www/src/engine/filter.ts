/** Filters a catalogue. @module */
import { type Catalogue, nameOf } from "../protocol/catalogue.ts";

/** Entries whose names hold `query`. */
export function filter(c: Catalogue, query: string): Uint32Array<ArrayBuffer> {
  const found: number[] = [];
  const wanted = query.toLowerCase();
  for (let at = 1; at < c.count; at++) if (nameOf(c, at).toLowerCase().includes(wanted)) found.push(at);
  return new Uint32Array(found);
}
