/** Trees for the engine's own work: a catalogue, and what comparing needs besides. @module */
import { type Catalogue, MARKS, type Mark, nameBytes, TYPES } from "../../protocol/catalogue.ts";
import type { FileTree } from "../library.ts";
import { CatalogueBuilder, type Row } from "./builder.ts";
import { rowsOf } from "./store.ts";

/** A tree. */
export interface Tree {
  readonly catalogue: Catalogue;
  /** {@link Row.inode}, by entry. */
  readonly inodes: ReadonlyMap<number, string>;
  /** {@link Row.extra}, by entry. */
  readonly extras: ReadonlyMap<number, string>;
  /** Folders above each entry. */
  readonly depths: Uint16Array;
  /** 1 where an entry's content counts: not for further names of a file. */
  readonly counts: Uint8Array;
}

const DIRECTORY = TYPES.indexOf("directory");
const REMOVED = MARKS.indexOf("removed");

/** Builds a {@link Tree} from rows in depth-first order. */
export class TreeBuilder {
  readonly #builder = new CatalogueBuilder();
  readonly #inodes = new Map<number, string>();
  readonly #extras = new Map<number, string>();
  readonly #seen = new Set<string>();
  readonly #depths: number[] = [0];
  readonly #counts: number[] = [0];

  /** The next entry; whether its content counts is found here. What is removed counts in no folder that stays. */
  add(row: Row, mark: Mark = "none"): void {
    const entry = this.#depths.length;
    let counts = row.type === "file";
    if (row.inode !== undefined) {
      this.#inodes.set(entry, row.inode);
      counts &&= !this.#seen.has(row.inode);
      this.#seen.add(row.inode);
    }
    if (row.extra !== undefined) this.#extras.set(entry, row.extra);
    this.#depths.push(row.depth + 1);
    this.#counts.push(counts ? 1 : 0);
    this.#builder.add({ ...row, mark, counts: counts && mark !== "removed" });
  }

  /** Whether the entry that was added last counts. */
  get lastCounts(): boolean {
    return this.#counts.at(-1) === 1;
  }

  finish(id: number): Tree {
    const tree = {
      catalogue: this.#builder.finish(id),
      inodes: this.#inodes,
      extras: this.#extras,
      depths: Uint16Array.from(this.#depths),
      counts: Uint8Array.from(this.#counts),
    };
    sumRemoved(tree);
    return tree;
  }
}

/**
 * Gives folders that were removed the size that they had, and takes the files that they had from those that stay. From the
 * last entry on, so that each is looked at once: what is below a folder comes behind it.
 */
function sumRemoved({ catalogue: c, counts }: Tree): void {
  /** Files below each folder that were removed. */
  const gone = new Uint32Array(c.count);
  for (let at = c.count - 1; at > 0; at--) {
    const parent = c.parent[at] ?? 0;
    const isGone = c.mark[at] === REMOVED;
    const goes = isGone && c.mark[parent] === REMOVED;
    if (!isGone) c.files[at] = (c.files[at] ?? 0) - (gone[at] ?? 0);
    // Below one that is removed all is, and that one counts them.
    if (!goes) gone[parent] = (gone[parent] ?? 0) + (isGone ? (c.files[at] ?? 0) : (gone[at] ?? 0));
    const isFile = c.type[at] !== DIRECTORY;
    if (goes && (!isFile || counts[at] === 1)) c.size[parent] = (c.size[parent] ?? 0) + (c.size[at] ?? 0);
  }
  c.files[0] = (c.files[0] ?? 0) - (gone[0] ?? 0);
}

/** Walks a tree. */
export async function walkTree(tree: FileTree, signal: AbortSignal): Promise<Tree> {
  const builder = new TreeBuilder();
  for await (const row of rowsOf(tree, signal)) builder.add(row);
  return builder.finish(0);
}

/** An entry as a row. Sums of folders are left out: they are made anew. */
export function rowAt(tree: Tree, entry: number): Row {
  const { catalogue: c } = tree;
  const isFolder = c.type[entry] === DIRECTORY;
  return {
    name: nameBytes(c, entry),
    depth: (tree.depths[entry] ?? 1) - 1,
    type: TYPES[c.type[entry] ?? 0] ?? "file",
    size: isFolder ? 0 : (c.size[entry] ?? 0),
    counts: false,
    mode: c.mode[entry] ?? 0,
    uid: c.uid[entry] ?? 0,
    gid: c.gid[entry] ?? 0,
    mtime: c.mtime[entry] ?? Number.NaN,
    layer: c.layer[entry] ?? -1,
    flags: c.flags[entry] ?? 0,
    link: c.links.get(entry),
    inode: tree.inodes.get(entry),
    extra: tree.extras.get(entry),
  };
}

/** Whether an entry is a folder. */
export function isFolder({ catalogue: c }: Tree, entry: number): boolean {
  return c.type[entry] === DIRECTORY;
}

/** Whether all but content and time of two entries is equal; of folders and links, that is all that counts. */
export function equalAttributes(a: Tree, i: number, b: Tree, j: number): boolean {
  const [c, d] = [a.catalogue, b.catalogue];
  return (
    c.type[i] === d.type[j] &&
    c.mode[i] === d.mode[j] &&
    c.uid[i] === d.uid[j] &&
    c.gid[i] === d.gid[j] &&
    c.links.get(i) === d.links.get(j) &&
    a.extras.get(i) === b.extras.get(j)
  );
}

/** Names in the order of their bytes: negative where the first comes before the other. */
export function compareNames(a: Tree, i: number, b: Tree, j: number): number {
  const [x, y] = [nameBytes(a.catalogue, i), nameBytes(b.catalogue, j)];
  const length = Math.min(x.length, y.length);
  for (let at = 0; at < length; at++) {
    const difference = (x[at] ?? 0) - (y[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}
