/** Builder of a {@link Catalogue}, from entries in depth-first order. @module */
import { type Catalogue, type EntryType, MARKS, type Mark, TYPES } from "../../protocol/catalogue.ts";

/** One entry, as a walk meets it. */
export interface Row {
  /** Raw bytes of its name. */
  name: Uint8Array;
  /** Folders above it: 0 for what is in the root. */
  depth: number;
  type: EntryType;
  /** Bytes of content; of a folder 0. */
  size: number;
  mode: number;
  uid: number;
  gid: number;
  /** Milliseconds; NaN where unknown. */
  mtime: number;
  layer: number;
  flags: number;
  link?: string | undefined;
  /** Of a file with several names: the same text for each of them, of which the first one's content counts. */
  inode?: string | undefined;
  /** Known to be a further name of a file. */
  isFurther?: boolean;
  /** What no column has: extended attributes and device numbers, as a text that is equal where they are. */
  extra?: string | undefined;
}

const FIRST_ROWS = 1024;
/** Columns that hold what rows have. */
const PLAIN = ["size", "mode", "uid", "gid", "mtime", "layer", "flags"] as const;
const FILE = TYPES.indexOf("file");
const FOLDER = TYPES.indexOf("directory");
const REMOVED = MARKS.indexOf("removed");

/** A folder that no layer lists. */
export const NO_ATTRIBUTES = {
  type: "directory",
  size: 0,
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: Number.NaN,
} as const;

/** Collects rows; columns grow as they come. */
export class CatalogueBuilder {
  #count = 0;
  #nameLength = 0;
  #names: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_ROWS * 16);
  #columns = columns(FIRST_ROWS);
  readonly #links = new Map<number, string>();
  /** The entry that is open at each depth, the root's first. */
  readonly #open: number[] = [];
  /** Files with several names that were met before. */
  readonly #seen = new Set<string>();
  /** Further names of files: their content counts in no folder. */
  readonly #further = new Set<number>();

  constructor() {
    this.add({ ...NO_ATTRIBUTES, name: new Uint8Array(0), depth: -1, layer: -1, flags: 0 });
  }

  /** The next entry. */
  add(row: Row, mark: Mark = "none"): void {
    const at = this.#count++;
    if (at === this.#columns.type.length) this.#columns = grow(this.#columns);
    const c = this.#columns;
    this.#putName(row.name);
    this.#open.length = row.depth + 1;
    c.parent[at] = this.#open[row.depth] ?? 0;
    this.#open.push(at);
    c.nameEnds[at] = this.#nameLength;
    c.type[at] = TYPES.indexOf(row.type);
    c.mark[at] = MARKS.indexOf(mark);
    for (const name of PLAIN) c[name][at] = row[name];
    if (row.link !== undefined) this.#links.set(at, row.link);
    if (row.isFurther || (row.inode !== undefined && this.#seen.has(row.inode))) this.#further.add(at);
    if (row.inode !== undefined) this.#seen.add(row.inode);
  }

  /** Whether an entry is a file whose content counts: not for further names of one. */
  counts(at: number): boolean {
    return this.#columns.type[at] === FILE && !this.#further.has(at);
  }

  /** The columns, cut to their length, with the sums of folders: what is removed counts in none that stays. */
  finish(id: number): Catalogue {
    const count = this.#count;
    const cut = Object.fromEntries(
      Object.entries(this.#columns).map(([name, column]) => [name, column.slice(0, count)]),
    ) as ReturnType<typeof columns>;
    const { parent, end, size, files, mark, type } = cut;
    // From the last entry on, so that each is looked at once: what is below a folder comes behind it.
    for (let at = count - 1; at >= 0; at--) {
      const folder = parent[at] ?? 0;
      end[at] = Math.max(end[at] ?? 0, at + 1);
      end[folder] = Math.max(end[folder] ?? 0, end[at] ?? 0);
      if (type[at] === FILE) files[at] = 1;
      if (at === 0 || (mark[at] === REMOVED && mark[folder] !== REMOVED)) continue;
      files[folder] = (files[folder] ?? 0) + (files[at] ?? 0);
      if (type[at] === FOLDER || this.counts(at)) size[folder] = (size[folder] ?? 0) + (size[at] ?? 0);
    }
    return { ...cut, id, count, names: this.#names.slice(0, this.#nameLength), links: this.#links };
  }

  #putName(name: Uint8Array): void {
    if (this.#nameLength + name.length > this.#names.length) {
      const more = new Uint8Array(2 * (this.#nameLength + name.length));
      more.set(this.#names.subarray(0, this.#nameLength));
      this.#names = more;
    }
    this.#names.set(name, this.#nameLength);
    this.#nameLength += name.length;
  }
}

function columns(length: number) {
  return {
    nameEnds: new Uint32Array(length),
    parent: new Uint32Array(length),
    end: new Uint32Array(length),
    type: new Uint8Array(length),
    size: new Float64Array(length),
    files: new Uint32Array(length),
    mode: new Uint16Array(length),
    uid: new Float64Array(length),
    gid: new Float64Array(length),
    mtime: new Float64Array(length),
    layer: new Int16Array(length),
    mark: new Uint8Array(length),
    flags: new Uint8Array(length),
  };
}

function grow(old: ReturnType<typeof columns>): ReturnType<typeof columns> {
  const more = columns(2 * old.type.length);
  for (const name of Object.keys(old) as (keyof typeof old)[]) more[name].set(old[name]);
  return more;
}
