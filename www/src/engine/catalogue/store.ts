/** The catalogues that the page holds: built by walking a tree once, kept here for the filter. @module */

import { nextTask, Turns } from "../../../../js/common/turns.ts";
import type { TreeRef } from "../../protocol/api.ts";
import { type Catalogue, Flag } from "../../protocol/catalogue.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { FilterIndex, TURN } from "../filter/filter.ts";
import type { Images } from "../images/images.ts";
import { type FileTree, type Image, invalidArgument, type Stats } from "../library.ts";
import { CatalogueBuilder, type Row } from "./builder.ts";

/** Trees of images that are kept although the page did not release them: those on screen, and some to go back to. */
const KEPT = 8;

interface Kept {
  readonly catalogue: Catalogue;
  /** The page has it from {@link Catalogues.build}; others are released by whoever made them. */
  readonly isTree: boolean;
  /** Made for the first filter. */
  index?: FilterIndex;
}

/** Catalogues by id. */
export class Catalogues {
  /** The least recently used first. */
  readonly #kept = new Map<number, Kept>();
  #last = 0;

  /** A number for a new catalogue. */
  nextId(): number {
    return ++this.#last;
  }

  /** Walks a tree. */
  async build(context: CallContext, images: Images, ref: TreeRef): Promise<Catalogue> {
    const builder = new CatalogueBuilder();
    await images.useTree(context, ref, async (tree) => {
      let done = 0;
      for await (const row of rowsOf(tree, context.signal)) {
        builder.add(row);
        if (++done % PROGRESS === 0) context.progress({ done });
      }
    });
    return this.share(context, builder.finish(this.nextId()));
  }

  /** Keeps a catalogue for filters, and gives a copy for the page, which is moved there. */
  share(context: CallContext, catalogue: Catalogue): Catalogue {
    this.#kept.set(catalogue.id, { catalogue, isTree: true });
    const trees = [...this.#kept].filter(([, it]) => it.isTree);
    for (const [id] of trees.slice(0, Math.max(0, trees.length - KEPT))) this.#kept.delete(id);
    // The first key shall not wait for it.
    void nextTask().then(() => this.#kept.has(catalogue.id) && this.#index(catalogue.id));
    const copies = Object.entries(catalogue).map(([name, column]) => {
      if (!ArrayBuffer.isView(column)) return [name, column];
      const copy = (column as Uint8Array<ArrayBuffer>).slice();
      context.transfer(copy.buffer);
      return [name, copy];
    });
    return Object.fromEntries(copies) as Catalogue;
  }

  /** Keeps one until it is released. */
  keep(catalogue: Catalogue): Catalogue {
    this.#kept.set(catalogue.id, { catalogue, isTree: false });
    return catalogue;
  }

  get(id: number): Catalogue {
    return this.#get(id).catalogue;
  }

  /** See `EngineApi.filter`. */
  filter(context: CallContext, id: number, query: string): Promise<Uint32Array<ArrayBuffer>> {
    return this.#index(id).find(query, context.signal);
  }

  release(id: number): void {
    this.#kept.delete(id);
  }

  #index(id: number): FilterIndex {
    const kept = this.#get(id);
    kept.index ??= new FilterIndex(kept.catalogue);
    return kept.index;
  }

  #get(id: number): Kept {
    const kept = this.#kept.get(id);
    if (!kept) throw invalidArgument("the catalogue was released");
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    return kept;
  }
}

/** Entries between two words of how far it is. */
const PROGRESS = 10_000;
/** Entries between two looks at the clock. */
const STRIDE = 256;
const SLASH = 0x2f;

/** All entries of a tree. */
export async function* rowsOf(tree: FileTree, signal: AbortSignal): AsyncGenerator<Row, void, undefined> {
  const isMerged = "isMerged" in tree && (tree as Image).isMerged;
  const turns = new Turns(TURN);
  let done = 0;
  for await (const stats of tree.walk("/", { signal })) {
    yield rowOf(stats, isMerged);
    if (++done % STRIDE === 0) await turns.spend();
  }
}

/** An entry of a tree as a row. `isMerged`: its format tells of no entry which layer it comes from. */
export function rowOf(stats: Stats, isMerged = false): Row {
  const { pathBytes: path, hardlinkOfBytes: target, type, size, nlink, mode, uid, gid, layer } = stats;
  let depth = -1;
  for (const byte of path) if (byte === SLASH) depth++;
  // Once: they are unpacked each time.
  const xattrs = stats.xattrsBytes;
  return {
    name: path.subarray(path.lastIndexOf(SLASH) + 1),
    depth,
    type: stats.whiteout ?? type,
    size,
    mode,
    uid,
    gid,
    mtime: stats.mtimeMs,
    layer,
    flags:
      (target ? Flag.hardlink : 0) |
      (xattrs.length > 0 ? Flag.xattrs : 0) |
      (layer < 0 && !isMerged ? Flag.implied : 0),
    link: stats.linkname,
    inode: type === "file" && nlink > 1 ? `${layer}:${latin1(target ?? path)}` : undefined,
    extra: extraOf(stats, xattrs),
  };
}

function extraOf({ devMajor, devMinor }: Stats, bytes: Stats["xattrsBytes"]): string | undefined {
  if (bytes.length === 0 && devMajor === 0 && devMinor === 0) return undefined;
  const xattrs = bytes.map(([name, value]) => `${latin1(name)}=${latin1(value)}`).sort();
  return JSON.stringify([devMajor, devMinor, xattrs]);
}

/** Bytes as a text of as many characters. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
