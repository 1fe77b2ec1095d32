/**
 * All entries of a tree in columns: built in the worker, handed to the page once. 100,000 entries are about 6 MB, and
 * neither side makes an object for each. Entries are in depth-first order, names of a folder sorted by their bytes, so
 * that a folder's subtree is one range.
 * @module
 */

/** The kinds of entries; a column holds an index into this. */
export const TYPES = [
  "file",
  "directory",
  "symlink",
  "char-device",
  "block-device",
  "fifo",
  "whiteout",
  "opaque",
] as const;

/** A kind of entry. `whiteout` and `opaque` occur in trees of one layer only. */
export type EntryType = (typeof TYPES)[number];

/** What a layer, or the other image, did to an entry; a column holds an index into this. */
export const MARKS = ["none", "added", "changed", "removed", "unverified-same"] as const;

/**
 * What happened to an entry. `unverified-same`: attributes are equal, contents come from different layers and have not
 * been compared.
 */
export type Mark = (typeof MARKS)[number];

/** Bits of {@link Catalogue.flags}. */
export const Flag = {
  /** Another name of a file that has several in its layer. */
  hardlink: 1,
  /** It has extended attributes. */
  xattrs: 2,
  /** No layer lists it; it is there because something is below it. */
  implied: 4,
} as const;

/** A tree of files. Entry 0 is its root. All columns but `nameEnds` have `count` elements. */
export interface Catalogue {
  /** Names it in calls to the engine. */
  readonly id: number;
  /** Entries, the root included. */
  readonly count: number;
  /** The names' raw bytes, one behind the other. The root has the empty name. */
  readonly names: Uint8Array<ArrayBuffer>;
  /** Where each name ends in `names`. */
  readonly nameEnds: Uint32Array<ArrayBuffer>;
  /** The folder that an entry is in; 0 for the root. */
  readonly parent: Uint32Array<ArrayBuffer>;
  /** The first entry that is not below this one. */
  readonly end: Uint32Array<ArrayBuffer>;
  /** Index into {@link TYPES}. */
  readonly type: Uint8Array<ArrayBuffer>;
  /** Bytes of content; of a folder, the sum of all below it, files with several names counted once. */
  readonly size: Float64Array<ArrayBuffer>;
  /** Regular files at or below it. */
  readonly files: Uint32Array<ArrayBuffer>;
  /** Permission bits `0o7777`. */
  readonly mode: Uint16Array<ArrayBuffer>;
  readonly uid: Float64Array<ArrayBuffer>;
  readonly gid: Float64Array<ArrayBuffer>;
  /** Milliseconds since the epoch; NaN where unknown. */
  readonly mtime: Float64Array<ArrayBuffer>;
  /** The layer it comes from, 0 the lowest; -1 where none lists it. */
  readonly layer: Int16Array<ArrayBuffer>;
  /** Index into {@link MARKS}. */
  readonly mark: Uint8Array<ArrayBuffer>;
  /** Bits of {@link Flag}. */
  readonly flags: Uint8Array<ArrayBuffer>;
  /** Targets of symbolic links, by entry; what is not UTF-8 has become U+FFFD. */
  readonly links: ReadonlyMap<number, string>;
}

const decoder = new TextDecoder();

/** Where bytes begin to differ; nothing where they are equal. */
export function firstDifference(x: Uint8Array, y: Uint8Array): number | undefined {
  const length = Math.min(x.length, y.length);
  for (let at = 0; at < length; at++) if (x[at] !== y[at]) return at;
  return x.length === y.length ? undefined : length;
}

/** The raw bytes of an entry's name. */
export function nameBytes(c: Catalogue, entry: number): Uint8Array {
  return c.names.subarray(entry === 0 ? 0 : c.nameEnds[entry - 1], c.nameEnds[entry]);
}

/** An entry's name as text; what is not UTF-8 becomes U+FFFD. */
export function nameOf(c: Catalogue, entry: number): string {
  return decoder.decode(nameBytes(c, entry));
}

/** What an entry is. */
export function typeOf(c: Catalogue, entry: number): EntryType {
  return TYPES[c.type[entry] ?? 0] ?? "file";
}

/** What happened to an entry. */
export function markOf(c: Catalogue, entry: number): Mark {
  return MARKS[c.mark[entry] ?? 0] ?? "none";
}

/** The entries of a folder, in the order of their names. */
export function* childrenOf(c: Catalogue, folder: number): Generator<number, void, undefined> {
  const end = c.end[folder] ?? 0;
  for (let at = folder + 1; at < end; at = c.end[at] ?? end) yield at;
}

/** An entry and the folders that it is in, the root first. */
export function chainOf(c: Catalogue, entry: number): number[] {
  const chain = [entry];
  for (let at = entry; at !== 0; ) {
    at = c.parent[at] ?? 0;
    chain.unshift(at);
  }
  return chain;
}

/** The entries that have one of some marks, in their order. */
export function markedEntries(c: Catalogue, marks: readonly Mark[]): Uint32Array {
  const wanted = marks.map((mark) => MARKS.indexOf(mark));
  const found: number[] = [];
  for (let at = 1; at < c.count; at++) if (wanted.includes(c.mark[at] ?? 0)) found.push(at);
  return Uint32Array.from(found);
}

/** All marks but `none`. */
export const CHANGES = MARKS.filter((mark) => mark !== "none");
