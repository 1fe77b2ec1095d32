/** Builds a {@link Catalogue} from entries in depth-first order. @module */
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
  /** Whether `size` counts in the folders above: not for a further name of a file. */
  counts: boolean;
  mode: number;
  uid: number;
  gid: number;
  /** Milliseconds; NaN where unknown. */
  mtime: number;
  layer: number;
  mark?: Mark;
  flags: number;
  link?: string | undefined;
  /** Of a file with several names in its layer: the same text for each of them. */
  inode?: string | undefined;
  /** What no column has: extended attributes and device numbers, as a text that is equal where they are. */
  extra?: string | undefined;
}

const TYPE_INDEX = new Map<string, number>(TYPES.map((name, i) => [name, i]));
const MARK_INDEX = new Map<string, number>(MARKS.map((name, i) => [name, i]));
const FIRST_ROWS = 1024;

/** Collects rows; columns grow as they come. */
export class CatalogueBuilder {
  #count = 0;
  #nameLength = 0;
  #names: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_ROWS * 16);
  #columns = columns(FIRST_ROWS);
  readonly #links = new Map<number, string>();
  /** The folder that is open at each depth. */
  readonly #open: number[] = [];

  constructor() {
    const root = { type: "directory", size: 0, counts: true, mode: 0o755, uid: 0, gid: 0 } as const;
    this.#append({ ...root, name: new Uint8Array(0), depth: -1, mtime: Number.NaN, layer: -1, flags: 0 }, 0);
    this.#open.push(0);
  }

  /** The next entry. */
  add(row: Row): void {
    const { depth } = row;
    this.#closeTo(depth + 1);
    const at = this.#append(row, this.#open[depth] ?? 0);
    this.#open.push(at);
  }

  /** The columns, cut to their length. */
  finish(id: number): Catalogue {
    this.#closeTo(0);
    const count = this.#count;
    const cut = Object.fromEntries(
      Object.entries(this.#columns).map(([name, c]) => [name, c.slice(0, count)]),
    );
    return {
      ...(cut as ReturnType<typeof columns>),
      id,
      count,
      names: this.#names.slice(0, this.#nameLength),
      links: this.#links,
    };
  }

  #append(row: Row, parent: number): number {
    const at = this.#count++;
    if (at === this.#columns.type.length) this.#columns = grow(this.#columns);
    const c = this.#columns;
    this.#putName(row.name);
    c.nameEnds[at] = this.#nameLength;
    c.parent[at] = parent;
    c.end[at] = at + 1;
    c.type[at] = TYPE_INDEX.get(row.type) ?? 0;
    c.size[at] = row.size;
    c.files[at] = row.type === "file" ? 1 : 0;
    c.mode[at] = row.mode;
    c.uid[at] = row.uid;
    c.gid[at] = row.gid;
    c.mtime[at] = row.mtime;
    c.layer[at] = row.layer;
    c.mark[at] = MARK_INDEX.get(row.mark ?? "none") ?? 0;
    c.flags[at] = row.flags;
    if (row.link !== undefined) this.#links.set(at, row.link);
    if (row.counts && row.size > 0) {
      // Not in its folders yet: what is open is summed up when it closes; a file adds to its own folder only.
      c.size[parent] = (c.size[parent] ?? 0) + row.size;
    }
    if (row.type === "file") c.files[parent] = (c.files[parent] ?? 0) + 1;
    return at;
  }

  /** Ends what is open at `depth` and deeper; a folder's sums go to the one above. */
  #closeTo(depth: number): void {
    const c = this.#columns;
    while (this.#open.length > depth) {
      const at = this.#open.pop() ?? 0;
      c.end[at] = this.#count;
      const parent = c.parent[at] ?? 0;
      if (at === 0 || TYPES[c.type[at] ?? 0] !== "directory") continue;
      c.size[parent] = (c.size[parent] ?? 0) + (c.size[at] ?? 0);
      c.files[parent] = (c.files[parent] ?? 0) + (c.files[at] ?? 0);
    }
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
