// What the demo image holds, from lists that were made from the tars by other tools.
import { readFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";

const read = (name) => {
  const text = zstdDecompressSync(readFileSync(new URL(`../fixtures/${name}`, import.meta.url))).toString();
  // Nanoseconds do not fit a double: kept as strings.
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line.replace(/"mtime_ns": (-?\d+)/, '"mtime_ns": "$1"')));
};

/** One line a path of the merged root file system. */
export const merged = () => read("demo.merged.jsonl.zst");

/** One line a tar entry, in tar order, as one list a layer. */
export function layers() {
  const all = [];
  for (const line of read("demo.layers.jsonl.zst")) {
    all[line.layer_index] ??= [];
    all[line.layer_index].push(line);
  }
  return all;
}
