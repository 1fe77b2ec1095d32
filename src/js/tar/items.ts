import { ahead } from "../ahead.js";
import type { FileTree } from "../tree.js";
import type { OperationOptions, Stats } from "../types.js";
import type { TarItem } from "./archive.js";
import { concat, type TarEntry } from "./header.js";

/** Files read at the same time. */
const PARALLEL = 6;
/** Larger files are streamed one at a time. */
const SMALL = 1 << 20;

/**
 * `top` and all below it, parents first, each with its path below `name`; where `name` is empty, below nothing, and
 * `top` has the empty path. Small files are read ahead of the others' turn; the order stays.
 */
export function itemsOf(
  tree: FileTree,
  top: Stats,
  name: Uint8Array,
  options: OperationOptions = {},
): AsyncGenerator<TarItem, void, undefined> {
  return ahead(entriesOf(tree, top, name, options), PARALLEL, (entry) => load(tree, entry, options));
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

/** Bytes as a key: one character each. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Content of a file: small ones are fetched at once, others streamed when it is their turn. */
async function load(tree: FileTree, entry: TarEntry, options: OperationOptions): Promise<TarItem> {
  const { stats } = entry;
  if (!stats.isFile() || entry.hardlink) return entry;
  if (stats.size > SMALL) return { ...entry, content: chunks(tree, stats, options) };
  const data = await tree.readFile(stats.pathBytes, options);
  return { ...entry, content: once(data) };
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}

async function* chunks(tree: FileTree, stats: Stats, options: OperationOptions): AsyncGenerator<Uint8Array> {
  const reader = tree.createReadStream(stats.pathBytes, options).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
