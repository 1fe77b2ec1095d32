/** The catalogues that the page holds: built by walking a tree once, kept here for the filter. @module */

import type { TreeRef } from "../protocol/api.ts";
import { type Catalogue, Flag } from "../protocol/catalogue.ts";
import type { CallContext } from "../protocol/rpc.ts";
import { CatalogueBuilder, type Row } from "./columns.ts";
import type { Images } from "./images.ts";
import { type FileTree, invalidArgument, type Stats } from "./library.ts";

/** Catalogues by id. */
export class Catalogues {
  readonly #kept = new Map<number, Catalogue>();
  #last = 0;

  /** A number for a new catalogue. */
  nextId(): number {
    return ++this.#last;
  }

  /** Walks a tree. */
  async build(context: CallContext, images: Images, ref: TreeRef): Promise<Catalogue> {
    const builder = new CatalogueBuilder();
    await images.useTree(context, ref, async (tree) => {
      for await (const row of rowsOf(tree, context.signal)) builder.add(row);
    });
    return this.keep(builder.finish(this.nextId()));
  }

  /** Keeps one until it is released. */
  keep(catalogue: Catalogue): Catalogue {
    this.#kept.set(catalogue.id, catalogue);
    return catalogue;
  }

  get(id: number): Catalogue {
    const catalogue = this.#kept.get(id);
    if (!catalogue) throw invalidArgument("the catalogue was released");
    return catalogue;
  }

  release(id: number): void {
    this.#kept.delete(id);
  }
}

const SLASH = 0x2f;

/** All entries of a tree. */
export async function* rowsOf(tree: FileTree, signal: AbortSignal): AsyncGenerator<Row, void, undefined> {
  const seen = new Set<string>();
  for await (const stats of tree.walk("/", { signal })) yield rowOf(stats, seen);
}

/** `seen`: files with several names that were met before. */
function rowOf(stats: Stats, seen: Set<string>): Row {
  const path = stats.pathBytes;
  const cut = path.lastIndexOf(SLASH) + 1;
  const isLink = stats.hardlinkOfBytes !== undefined;
  let counts = stats.isFile();
  if (counts && stats.nlink > 1) {
    const inode = `${stats.layer}:${String.fromCharCode(...(stats.hardlinkOfBytes ?? path))}`;
    counts = !seen.has(inode);
    seen.add(inode);
  }
  let depth = -1;
  for (const byte of path) if (byte === SLASH) depth++;
  return {
    name: path.subarray(cut),
    depth,
    type: stats.type,
    size: stats.size,
    counts,
    mode: stats.mode,
    uid: stats.uid,
    gid: stats.gid,
    mtime: stats.mtimeMs,
    layer: stats.layer,
    flags:
      (isLink ? Flag.hardlink : 0) |
      (stats.xattrsBytes.length > 0 ? Flag.xattrs : 0) |
      (stats.layer < 0 ? Flag.implied : 0),
    link: stats.linkname,
  };
}
