import { stat as fsStat, lstat, realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { FileTree, Stats } from "../../js/index.js";
import { ahead } from "../ahead.js";
import { LAYER } from "../args.js";
import { argument, type Command } from "../command.js";
import { escapeBytes } from "../escape.js";
import { EXIT, UsageError } from "../exit.js";
import { Extractor } from "../extract.js";
import type { Session } from "../session.js";
import { TarWriter } from "../tar.js";

/** Files read at the same time. */
const PARALLEL = 6;
/** Larger files are streamed one at a time. */
const SMALL = 1 << 20;

interface Item {
  /** Where it goes, relative. */
  path: Uint8Array;
  stats: Stats;
  /** Where another name of the same file went. */
  hardlink?: Uint8Array | undefined;
}

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const [reference, path, dest] = [argument(session, 0), argument(session, 1), argument(session, 2)];
  const tree = await session.tree(reference);
  const follow = !args.flag("no-dereference");
  const top = follow ? await tree.stat(path, { signal }) : await tree.lstat(path, { signal });
  if (dest === "-") await toTar(session, tree, top, lastName(path));
  else await toDisk(session, tree, top, lastName(path), dest);
}

async function toTar(session: Session, tree: FileTree, top: Stats, name: string): Promise<void> {
  const { out } = session;
  if (out.isTerminal) throw new UsageError("a tar archive does not belong on a terminal; redirect it");
  const tar = new TarWriter((chunk) => out.write(chunk));
  const items = itemsOf(session, tree, top, name);
  // Small files are fetched ahead while others are written; the order stays.
  for await (const { item, content } of ahead(items, PARALLEL, (item) => load(session, tree, item))) {
    await tar.entry({ name: item.path, stats: item.stats, hardlink: item.hardlink }, content);
  }
  await tar.end();
}

async function toDisk(
  session: Session,
  tree: FileTree,
  top: Stats,
  name: string,
  dest: string,
): Promise<void> {
  const target = await targetOf(dest, name, top.isDirectory());
  const extractor = new Extractor(target.root, { preserveSpecial: session.args.flag("preserve-special") });
  let skipped = 0;
  const items = itemsOf(session, tree, top, target.name);
  for await (const { item, content } of ahead(items, PARALLEL, (item) => load(session, tree, item))) {
    if (content) await extractor.file(item.path, item.stats, content);
    else if (item.hardlink) await extractor.hardlink(item.path, item.hardlink);
    else if (item.stats.isSymbolicLink()) await extractor.symlink(item.path, item.stats);
    else if (item.stats.isDirectory()) {
      if (item.path.length > 0) await extractor.directory(item.path, item.stats);
    } else {
      session.say(`left out: ${escapeBytes(item.stats.pathBytes)} is a ${item.stats.type}`);
      skipped += 1;
    }
  }
  await extractor.finish();
  if (skipped > 0) session.exitCode ||= EXIT.skipped;
}

/** Content of a file: small ones are fetched at once, others streamed when it is their turn. */
async function load(
  session: Session,
  tree: FileTree,
  item: Item,
): Promise<{ item: Item; content?: AsyncIterable<Uint8Array> }> {
  const { stats } = item;
  if (!stats.isFile() || item.hardlink) return { item };
  const { signal } = session;
  if (stats.size > SMALL) return { item, content: chunks(tree, stats, signal) };
  const data = await tree.readFile(stats.pathBytes, { signal });
  return {
    item,
    content: (async function* () {
      yield data;
    })(),
  };
}

async function* chunks(tree: FileTree, stats: Stats, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stream = tree.createReadStream(stats.pathBytes, { signal });
  const reader = stream.getReader();
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

/** `top` and all below it, parents first, each with its path below `name`. */
async function* itemsOf(session: Session, tree: FileTree, top: Stats, name: string): AsyncGenerator<Item> {
  const prefix = Buffer.from(name);
  const { signal } = session;
  yield { path: prefix, stats: top };
  if (!top.isDirectory()) return;
  const from = top.pathBytes;
  const cut = from.length + (from.at(-1) === 0x2f ? 0 : 1);
  const written = new Map<string, Uint8Array>();
  for await (const stats of tree.walk(from, { signal })) {
    const below = stats.pathBytes.subarray(cut);
    const path = name === "" ? below : Buffer.concat([prefix, Buffer.from("/"), below]);
    yield { path, stats, hardlink: hardlinkOf(written, path, stats) };
  }
}

/** Where the first name of the same file went, if one was met before. */
function hardlinkOf(
  written: Map<string, Uint8Array>,
  path: Uint8Array,
  stats: Stats,
): Uint8Array | undefined {
  if (!stats.isFile() || stats.nlink < 2) return undefined;
  const inode = `${stats.layer}:${Buffer.from(stats.hardlinkOfBytes ?? stats.pathBytes).toString("latin1")}`;
  const first = written.get(inode);
  if (!first) written.set(inode, path);
  return first;
}

/** The name under which a path is copied; empty for the root and for `DIR/.`, of which the content is copied. */
function lastName(path: string): string {
  const last = path.split("/").filter(Boolean).at(-1) ?? "";
  if (path.endsWith("/.") || last === "." || last === "..") return "";
  return last;
}

/** The folder to write below, and the name there: as `cp -r` decides it. */
async function targetOf(
  dest: string,
  name: string,
  isDirectory: boolean,
): Promise<{ root: string; name: string }> {
  const found = await fsStat(dest).catch(() => undefined);
  if (found?.isDirectory()) return { root: await realpath(dest), name };
  if (found && isDirectory) throw new UsageError(`${dest} is there and is not a directory`);
  if (!found && (await lstat(dest).catch(() => undefined))) {
    throw new UsageError(`${dest} is a link that leads nowhere`);
  }
  if (dest.endsWith("/") && !isDirectory) throw new UsageError(`${dest} is not a directory`);
  const full = resolve(dest);
  const parent = dirname(full);
  const root = await realpath(parent).catch(() => {
    throw new UsageError(`${parent} does not exist`);
  });
  return { root, name: basename(full) };
}

export const cp: Command = {
  name: "cp",
  summary: "copy a file or folder to disk, or as a tar archive to standard output",
  usage: "IMAGE PATH DEST|- [-P] [--preserve-special]",
  details: `Folders are copied with all below them. If DEST is a directory, the copy goes into it (PATH/. copies what PATH
holds). Modes, times, symbolic and hard links are kept; owners and extended attributes only in an archive.
Nothing is ever written outside of DEST: links are made as they are in the image but not followed.
Devices and pipes are left out, and the exit code is then ${EXIT.skipped}; an archive holds them.`,
  options: {
    "no-dereference": { type: "boolean", short: "P", help: "if PATH is a link, copy the link" },
    "preserve-special": { type: "boolean", help: "keep set-user-id, set-group-id and sticky bits" },
    ...LAYER,
  },
  arity: [3, 3],
  run,
};
