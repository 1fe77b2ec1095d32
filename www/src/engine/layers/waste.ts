/** What of the layers' content no one sees. Pure. @module */
import type { Waste } from "../../protocol/api.ts";
import { TYPES } from "../../protocol/catalogue.ts";
import { entryAt, pathOf } from "../../protocol/path.ts";
import type { Tree } from "../catalogue/tree.ts";

/** The paths that are told. */
const WORST = 100;

/** Content of one layer. */
export interface Content {
  total: number;
  wasted: number;
}

/** Content that `root`, the merged tree, does not show. */
export function wasteOf(layers: readonly Tree[], root: Tree): Omit<Waste, "layers"> & { layers: Content[] } {
  const shown = layers.map((layer) => new Uint8Array(layer.catalogue.count));
  const inodes = new Set<string>();
  for (let at = 1; at < root.catalogue.count; at++) {
    const layer = root.catalogue.layer[at] ?? -1;
    const marks = shown[layer];
    if (marks) marks[root.origins[at] ?? 0] = 1;
    const inode = root.inodes.get(at);
    if (inode !== undefined) inodes.add(inode);
  }
  const byPath = new Map<string, { copies: number; wasted: number }>();
  const contents = layers.map((layer, index) => {
    const content: Content = { total: 0, wasted: 0 };
    const { catalogue: c } = layer;
    for (let at = 1; at < c.count; at++) {
      if (layer.counts[at] !== 1) continue;
      const size = c.size[at] ?? 0;
      content.total += size;
      const inode = layer.inodes.get(at);
      const isShown = inode === undefined ? shown[index]?.[at] === 1 : inodes.has(inode);
      if (isShown || size === 0) continue;
      content.wasted += size;
      const path = pathOf(c, at);
      const known = byPath.get(path) ?? { copies: 0, wasted: 0 };
      byPath.set(path, { copies: known.copies + 1, wasted: known.wasted + size });
    }
    return content;
  });
  const sum = (field: keyof Content): number => contents.reduce((all, it) => all + it[field], 0);
  const worst = [...byPath]
    .sort(([, a], [, b]) => b.wasted - a.wasted)
    .slice(0, WORST)
    .map(([path, { copies, wasted }]) => ({ path, copies: copies + (isFileAt(root, path) ? 1 : 0), wasted }));
  return { total: sum("total"), wasted: sum("wasted"), worst, layers: contents };
}

function isFileAt({ catalogue: c }: Tree, path: string): boolean {
  const entry = entryAt(c, path);
  return entry !== undefined && TYPES[c.type[entry] ?? 0] === "file";
}
