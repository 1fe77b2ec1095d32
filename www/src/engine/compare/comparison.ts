/** Two trees side by side. Pure. @module */
import type { Comparison, Tally } from "../../protocol/api.ts";
import { type Mark, TYPES } from "../../protocol/catalogue.ts";
import type { EncodedPath } from "../../protocol/path.ts";
import { pathOf } from "../../protocol/path.ts";
import { compareNames, equalAttributes, isFolder, rowAt, type Tree, TreeBuilder } from "../catalogue/tree.ts";

/** One side: a tree, and the digests of the layers that its entries come from. */
export interface Side {
  tree: Tree;
  layers: readonly string[];
  /** Where its format makes one tree of all layers, its digest: entries then tell nothing of the layers that they come from. */
  merged?: string | undefined;
}

/** What comparing contents found: whether a path's content is equal. */
export type Verdicts = ReadonlyMap<EncodedPath, boolean>;

/** Compares. `id`: of the catalogue. */
export function compareTrees(left: Side, right: Side, verdicts: Verdicts, id: number): Comparison {
  const walk = new Walk(left, right, verdicts);
  walk.run();
  const { catalogue } = walk.out.finish(id);
  const { added, changed, removed, unverifiedSame } = walk;
  const sharedLayers = [...new Set(left.layers)].filter((digest) => right.layers.includes(digest));
  return { catalogue, added, changed, removed, unverifiedSame, sharedLayers };
}

/** Two folders of a name that are being compared, and how far. */
interface Folders {
  i: number;
  iEnd: number;
  j: number;
  jEnd: number;
}

class Walk {
  readonly #left: Side;
  readonly #right: Side;
  readonly #verdicts: Verdicts;
  readonly out = new TreeBuilder();
  readonly added: Tally = { files: 0, bytes: 0 };
  readonly changed: Tally = { files: 0, bytes: 0 };
  readonly removed: Tally = { files: 0, bytes: 0 };
  readonly unverifiedSame: Tally = { files: 0, bytes: 0 };

  constructor(left: Side, right: Side, verdicts: Verdicts) {
    this.#left = left;
    this.#right = right;
    this.#verdicts = verdicts;
  }

  /** All of both. Not by recursion: paths are as deep as whoever made the images liked. */
  run(): void {
    const open = [this.#open(0, 0)];
    for (let folders = open.at(-1); folders; folders = open.at(-1)) {
      const { i, iEnd, j, jEnd } = folders;
      if (i >= iEnd && j >= jEnd) {
        open.pop();
        continue;
      }
      const [a, b] = [this.#left.tree, this.#right.tree];
      const order = i >= iEnd ? 1 : j >= jEnd ? -1 : compareNames(a, i, b, j);
      if (order <= 0) folders.i = a.catalogue.end[i] ?? iEnd;
      if (order >= 0) folders.j = b.catalogue.end[j] ?? jEnd;
      if (order < 0) this.#subtree(a, i, "removed", this.removed);
      else if (order > 0) this.#subtree(b, j, "added", this.added);
      else if (this.#both(i, j)) open.push(this.#open(i, j));
    }
  }

  #open(i: number, j: number): Folders {
    const [a, b] = [this.#left.tree.catalogue, this.#right.tree.catalogue];
    return { i: i + 1, iEnd: a.end[i] ?? 0, j: j + 1, jEnd: b.end[j] ?? 0 };
  }

  /** One name of both; true where both are folders, which are gone into. */
  #both(i: number, j: number): boolean {
    const [a, b] = [this.#left.tree, this.#right.tree];
    if (isFolder(a, i) && isFolder(b, j)) {
      this.out.add(rowAt(b, j), equalAttributes(a, i, b, j) ? "none" : "changed");
      return true;
    }
    if (isFolder(a, i) || isFolder(b, j)) {
      this.#subtree(b, j, "added", this.added);
      this.#subtree(a, i, "removed", this.removed);
    } else {
      const mark = this.#markOf(i, j);
      this.out.add(rowAt(b, j), mark);
      if (mark === "changed") this.#count(this.changed, b, j);
      if (mark === "unverified-same") this.#count(this.unverifiedSame, b, j);
    }
    return false;
  }

  #markOf(i: number, j: number): Mark {
    const [a, b] = [this.#left.tree, this.#right.tree];
    if (this.#isSameEntry(i, j)) return "none";
    if (!equalAttributes(a, i, b, j)) return "changed";
    const [c, d] = [a.catalogue, b.catalogue];
    if (TYPES[d.type[j] ?? 0] !== "file") return "none";
    if (c.size[i] !== d.size[j] || !Object.is(c.mtime[i], d.mtime[j])) return "changed";
    if (d.size[j] === 0) return "none";
    const equal = this.#verdicts.size > 0 ? this.#verdicts.get(pathOf(d, j)) : undefined;
    if (equal === undefined) return "unverified-same";
    return equal ? "none" : "changed";
  }

  /** Whether both come from one layer, in which a path has one entry. */
  #isSameEntry(i: number, j: number): boolean {
    const left = originOf(this.#left, i);
    return left !== undefined && left === originOf(this.#right, j);
  }

  #subtree(tree: Tree, entry: number, mark: Mark, tally: Tally): void {
    const end = tree.catalogue.end[entry] ?? 0;
    for (let at = entry; at < end; at++) {
      const row = rowAt(tree, at);
      // Names of one file are told apart from those of the other side.
      const inode = row.inode === undefined ? undefined : `${mark}:${row.inode}`;
      this.out.add({ ...row, inode }, mark);
      this.#count(tally, tree, at);
    }
  }

  /** Counts the entry that was added last. */
  #count(tally: Tally, tree: Tree, entry: number): void {
    if (isFolder(tree, entry)) return;
    tally.files++;
    if (this.out.lastCounts) tally.bytes += tree.catalogue.size[entry] ?? 0;
  }
}

/** What the entry of a path comes from: of one digest it is one entry. */
function originOf({ tree, layers, merged }: Side, entry: number): string | undefined {
  return merged ?? layers[tree.catalogue.layer[entry] ?? -1];
}
