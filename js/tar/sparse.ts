/** Sparse files in archives: PAX format 1.0 (GNU tar manual, "Storing Sparse Files"). @module */
import { BLOCK } from "./header.js";

/**
 * What stands in front of a sparse file's data: the number of runs, and the offset and the length of each, a line each, in
 * whole blocks. A last run of no bytes says where the file ends.
 */
export function sparseMap(
  runs: readonly (readonly [offset: number, length: number])[],
  size: number,
): Uint8Array {
  const last = runs.at(-1);
  const all = last && last[0] + last[1] === size ? runs : [...runs, [size, 0] as const];
  const text = new TextEncoder().encode([all.length, ...all.flat()].map((n) => `${n}\n`).join(""));
  const map = new Uint8Array(Math.ceil(text.length / BLOCK) * BLOCK);
  map.set(text);
  return map;
}
