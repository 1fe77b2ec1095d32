/** The catalogues that the page holds: built by walking a tree once, kept here for the filter. @module */

import type { TreeRef } from "../protocol/api.ts";
import { type Catalogue, type EntryType, Flag } from "../protocol/catalogue.ts";
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
      for await (const row of rowsOf(tree, context.signal, ref.layer !== undefined)) builder.add(row);
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
const WHITEOUT = new TextEncoder().encode(".wh.");

/** All entries of a tree. `isLayer`: of one layer, where names say what it removes. */
export async function* rowsOf(
  tree: FileTree,
  signal: AbortSignal,
  isLayer: boolean,
): AsyncGenerator<Row, void, undefined> {
  const seen = new Set<string>();
  for await (const stats of tree.walk("/", { signal })) yield rowOf(stats, seen, isLayer);
}

/** `seen`: files with several names that were met before. */
function rowOf(stats: Stats, seen: Set<string>, isLayer: boolean): Row {
  const path = stats.pathBytes;
  const cut = path.lastIndexOf(SLASH) + 1;
  const name = path.subarray(cut);
  const isLink = stats.hardlinkOfBytes !== undefined;
  const type = (isLayer && whiteoutType(name)) || stats.type;
  let counts = type === "file";
  let inode: string | undefined;
  if (stats.type === "file" && stats.nlink > 1) {
    inode = `${stats.layer}:${latin1(stats.hardlinkOfBytes ?? path)}`;
    counts &&= !seen.has(inode);
    seen.add(inode);
  }
  let depth = -1;
  for (const byte of path) if (byte === SLASH) depth++;
  return {
    name,
    depth,
    type,
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
    inode,
    extra: extraOf(stats),
  };
}

/** `.wh.NAME` hides `NAME` of lower layers, `.wh..wh..opq` all that they have in its folder. */
function whiteoutType(name: Uint8Array): EntryType | undefined {
  if (!WHITEOUT.every((byte, i) => name[i] === byte)) return undefined;
  const text = latin1(name);
  if (text === ".wh..wh..opq") return "opaque";
  // Others that begin so are aufs' own files.
  return text.startsWith(".wh..wh.") ? undefined : "whiteout";
}

function extraOf(stats: Stats): string | undefined {
  const { xattrsBytes, devMajor, devMinor } = stats;
  if (xattrsBytes.length === 0 && devMajor === 0 && devMinor === 0) return undefined;
  const xattrs = xattrsBytes.map(([name, value]) => `${latin1(name)}=${latin1(value)}`).sort();
  return JSON.stringify([devMajor, devMinor, xattrs]);
}

/** Bytes as a text of as many characters. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
