import { OcipeekError } from "../errors.js";
import type { Stats } from "../types/index.js";
import { BLOCK, headerOf, type TarEntry } from "./header.js";
import { sparseMap } from "./sparse.js";

/** GNU tar and bsdtar pad archives to records of 20 blocks. */
const RECORD = 20 * BLOCK;
/** Items that the list of what an archive lacks names; more are only counted. */
const LISTED = 1000;

/** An entry with its content; that of a file is exactly `stats.size` bytes, or as many as `runs` say. */
export interface TarItem extends TarEntry {
  /** None where it is no file, or another name of one. */
  content?: AsyncIterable<Uint8Array> | undefined;
  /** Of a sparse file: where in it `content` belongs, an offset and a length for each run; all else is zeros. */
  runs?: readonly (readonly [offset: number, length: number])[] | undefined;
  /** Why it cannot be given, where `itemsOf` was told to give such. */
  failure?: OcipeekError | undefined;
}

/** Options of {@link tar}. */
export interface TarOptions {
  /**
   * The name of a text file at the archive's end that lists what is left out, a line each; there is none where nothing is.
   */
  leftOut?: string | undefined;
}

/**
 * An archive of `items` in their order, made as it is read: nothing is kept but what is being written. Sparse files stay
 * so (PAX format 1.0). Items that failed are left out, but for those whose bytes are not what a digest says: these end it.
 *
 * @example
 * ```js
 * import { createWriteStream } from "node:fs";
 * import { pipeline } from "node:stream/promises";
 * import { open } from "ocipeek";
 * import { itemsOf, tar } from "ocipeek/tar";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * const top = await image.stat("/etc");
 * const items = itemsOf(image, top, new TextEncoder().encode("etc"));
 * await pipeline(tar(items), createWriteStream("etc.tar"));
 * ```
 */
export async function* tar(
  items: AsyncIterable<TarItem>,
  options: TarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let written = 0;
  const put = (chunk: Uint8Array): Uint8Array => {
    written += chunk.length;
    return chunk;
  };
  const padding = (unit: number): Uint8Array => new Uint8Array((unit - (written % unit)) % unit);
  const failed: TarItem[] = [];
  for await (const item of items) {
    const { content, runs, failure, ...entry } = item;
    if (failure) {
      if (failure.code === "DIGEST_MISMATCH" || failure.code === "CORRUPT_ZTOC") throw failure;
      failed.push(item);
      continue;
    }
    const map = content && runs && sparseMap(runs, entry.stats.size);
    let left = !content ? 0 : runs ? runs.reduce((sum, [, length]) => sum + length, 0) : entry.stats.size;
    const size = left;
    yield put(headerOf(entry, size + (map?.length ?? 0), map !== undefined));
    if (map) yield put(map);
    if (!content) continue;
    for await (const chunk of content) {
      left -= chunk.length;
      if (left < 0) break;
      yield put(chunk);
    }
    if (left !== 0) throw wrongLength(entry.stats, size);
    yield put(padding(BLOCK));
  }
  if (options.leftOut !== undefined && failed.length > 0) {
    const text = leftOutText(failed);
    yield put(headerOf(noteOf(options.leftOut, text.length), text.length));
    yield put(text);
    yield put(padding(BLOCK));
  }
  yield put(new Uint8Array(2 * BLOCK));
  yield put(padding(RECORD));
}

/** The list of what an archive lacks, a line for each item: its path as JSON, and why. */
function leftOutText(failed: readonly TarItem[]): Uint8Array {
  const lines = failed
    .slice(0, LISTED)
    .map(({ stats, failure }) => `${JSON.stringify(stats.path)}: ${failure?.message ?? ""}\n`);
  const more = failed.length > LISTED ? `and ${failed.length - LISTED} more\n` : "";
  return new TextEncoder().encode(lines.join("") + more);
}

/** The entry of that list. */
function noteOf(name: string, size: number): TarEntry {
  const owner = { uid: 0, gid: 0, uname: "", gname: "" };
  const none = { mtimeNs: 0n, devMajor: 0, devMinor: 0, xattrsBytes: [] };
  const stats = { type: "file", size, mode: 0o644, ...owner, ...none } as Partial<Stats> as Stats;
  return { name: new TextEncoder().encode(name), stats };
}

function wrongLength({ path, pathBytes }: Stats, size: number): OcipeekError {
  const message = `${JSON.stringify(path)}: its content has not the length ${size}`;
  return new OcipeekError("INVALID_ARGUMENT", message, { path, pathBytes });
}
