import { ahead } from "../ahead.js";
import { concat, latin1 } from "../common/bytes.js";
import { hasCode, type OcipeekError } from "../errors.js";
import type { FileTree, SparseFile } from "../image/tree.js";
import type { OperationOptions, Stats } from "../types/index.js";
import type { TarItem } from "./archive.js";
import type { TarEntry } from "./header.js";

/** Files read at the same time. */
const PARALLEL = 6;
/** Larger files are streamed one at a time. */
const SMALL = 1 << 20;

/** Smaller files are not worth a look for holes. */
const WORTH = 64 << 10;

/** Options of {@link itemsOf}. */
export interface ItemsOptions extends OperationOptions {
  /**
   * `"give"`: a file that cannot be read for a reason of its own (a hard link to what its layer does not hold, broken or
   * unsupported content) is an item with a `failure`, and the others follow. By default it ends all.
   */
  failures?: "throw" | "give" | undefined;
}

/**
 * `top` and all below it, parents first, each with its path below `name`; where `name` is empty, below nothing, and
 * `top` has the empty path. Small files are read ahead of the others' turn; the order stays.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { itemsOf } from "ocipeek/tar";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * const top = await image.stat("/etc");
 * for await (const { name, stats } of itemsOf(image, top, new TextEncoder().encode("etc"))) {
 *   console.log(new TextDecoder().decode(name), stats.size);
 * }
 * ```
 */
export async function* itemsOf(
  tree: FileTree,
  top: Stats,
  name: Uint8Array,
  options: ItemsOptions = {},
): AsyncGenerator<TarItem, void, undefined> {
  // A further name of a file that failed has nothing to be a name of.
  const failed = new Map<string, OcipeekError>();
  const entries = entriesOf(tree, top, name, options);
  for await (const loaded of ahead(entries, PARALLEL, (entry) => load(tree, entry, options))) {
    const first = loaded.hardlink && failed.get(latin1(loaded.hardlink));
    const item = first
      ? { ...loaded, failure: first }
      : await guarded(loaded, options, () => begun(tree, loaded, options));
    if (item.failure) failed.set(latin1(item.name), item.failure);
    try {
      yield item;
    } finally {
      // Also where nobody took it.
      await item.content?.[Symbol.asyncIterator]().return?.();
    }
  }
}

async function* entriesOf(
  tree: FileTree,
  top: Stats,
  name: Uint8Array,
  options: OperationOptions,
): AsyncGenerator<TarEntry, void, undefined> {
  yield { name, stats: top };
  if (!top.isDirectory()) return;
  const from = top.pathBytes;
  const cut = from.length + (from.at(-1) === SLASH ? 0 : 1);
  const prefix = name.length === 0 ? name : concat([name, Uint8Array.of(SLASH)]);
  const written = new Map<string, Uint8Array>();
  for await (const stats of tree.walk(from, options)) {
    const path = concat([prefix, stats.pathBytes.subarray(cut)]);
    yield { name: path, stats, hardlink: hardlinkOf(written, path, stats) };
  }
}

const SLASH = 0x2f;

/** Where the first name of the same file went, if one was met before. */
function hardlinkOf(
  written: Map<string, Uint8Array>,
  path: Uint8Array,
  stats: Stats,
): Uint8Array | undefined {
  if (!stats.isFile() || stats.nlink < 2) return undefined;
  const inode = `${stats.layer}:${latin1(stats.hardlinkOfBytes ?? stats.pathBytes)}`;
  const first = written.get(inode);
  if (!first) written.set(inode, path);
  return first;
}

/** Codes of what is a file's own fault, or its layer's: others can be read all the same. */
const OWN = ["CORRUPT_LAYER", "CORRUPT_ZTOC", "DIGEST_MISMATCH", "UNSUPPORTED", "EINVAL", "ENOENT"] as const;

/**
 * Whether an error is about one file, so that a copy can go on with the others.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { isOwnFault } from "ocipeek/tar";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * for (const path of ["/etc/services", "/no/such/file"]) {
 *   try {
 *     await image.readFile(path);
 *   } catch (error) {
 *     if (!isOwnFault(error)) throw error;
 *     console.log(`${error.code} ${path}`); // ENOENT /no/such/file
 *   }
 * }
 * ```
 */
export function isOwnFault(error: unknown): error is OcipeekError {
  return hasCode(error, ...OWN);
}

/** Item that `make` gives, or the entry with its failure. */
async function guarded(
  entry: TarEntry,
  { failures }: ItemsOptions,
  make: () => Promise<TarItem>,
): Promise<TarItem> {
  try {
    return await make();
  } catch (error) {
    if (failures !== "give" || !isOwnFault(error)) throw error;
    return { ...entry, failure: error };
  }
}

/** Content of a small file, fetched at once. */
function load(tree: FileTree, entry: TarEntry, options: ItemsOptions): Promise<TarItem> {
  return guarded(entry, options, async () => {
    const { stats } = entry;
    if (!stats.isFile() || entry.hardlink || stats.size > SMALL) return entry;
    const sparse = await sparseOf(tree, stats, options);
    if (sparse) return { ...entry, runs: sparse.runs, content: once(await whole(sparse.data)) };
    const data = await tree.readFile(stats.pathBytes, options);
    return { ...entry, content: once(data) };
  });
}

/** Content of a large file, begun when it is its turn: its first bytes are here then, so that it is known to be readable. */
async function begun(tree: FileTree, item: TarItem, options: ItemsOptions): Promise<TarItem> {
  const { stats } = item;
  if (!stats.isFile() || item.hardlink || item.content || item.failure) return item;
  const sparse = await sparseOf(tree, stats, options);
  if (sparse) return { ...item, runs: sparse.runs, content: await started(sparse.data) };
  return { ...item, content: await started(tree.createReadStream(stats.pathBytes, options)) };
}

async function sparseOf(
  tree: FileTree,
  { size, pathBytes }: Stats,
  options: ItemsOptions,
): Promise<SparseFile | undefined> {
  return size < WORTH ? undefined : tree.readSparse(pathBytes, options);
}

/** All of a small stream. */
async function whole(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of await started(stream)) parts.push(chunk);
  return concat(parts);
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}

/** A stream with its first bytes here. */
async function started(stream: ReadableStream<Uint8Array>): Promise<AsyncIterableIterator<Uint8Array>> {
  const reader = stream.getReader();
  let first: Awaited<ReturnType<typeof reader.read>> | undefined = await reader.read();
  const bytes: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => bytes,
    async next() {
      const { done, value } = first ?? (await reader.read());
      first = undefined;
      return done ? { done, value: undefined } : { done, value };
    },
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
  return bytes;
}
