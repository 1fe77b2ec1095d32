import { stat as fsStat, lstat, realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { FileTree, Stats } from "../../js/index.js";
import { itemsOf, tar } from "../../js/tar/index.js";
import { options, PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
import { EXIT, UsageError } from "../exit.js";
import { Extractor } from "../extract.js";
import { Failures } from "../failures.js";
import type { Session } from "../session.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const [reference, dest] = [argument(session, 0), argument(session, 2)];
  const path = session.path(argument(session, 1));
  const tree = await session.tree(reference);
  const follow = !args.flag("no-dereference");
  const top = follow ? await tree.stat(path, { signal }) : await tree.lstat(path, { signal });
  if (dest === "-") await toTar(session, tree, top, lastName(path));
  else await toDisk(session, tree, top, lastName(path), dest);
}

async function toTar(session: Session, tree: FileTree, top: Stats, name: Uint8Array): Promise<void> {
  const { out } = session;
  if (out.isTerminal) throw new UsageError("a tar archive does not belong on a terminal; redirect it");
  const failures = new Failures(session);
  const items = itemsOf(tree, top, name, { signal: session.signal, failures: "give" });
  for await (const chunk of tar(failures.noting(items))) await out.write(chunk);
  failures.report();
}

async function toDisk(
  session: Session,
  tree: FileTree,
  top: Stats,
  name: Uint8Array,
  dest: string,
): Promise<void> {
  const target = await targetOf(dest, name, top.isDirectory());
  const extractor = new Extractor(target.root, { preserveSpecial: session.args.flag("preserve-special") });
  const failures = new Failures(session);
  const items = itemsOf(tree, top, target.name, { signal: session.signal, failures: "give" });
  for await (const item of failures.noting(items)) {
    const { name: path, stats, failure, hardlink, content, runs } = item;
    if (failure || failures.isBelow(path)) continue;
    await failures.guard(path, stats.pathBytes, async () => {
      if (content) await extractor.file(path, stats, content, runs);
      else if (hardlink) await extractor.hardlink(path, hardlink);
      else if (stats.isSymbolicLink()) await extractor.symlink(path, stats);
      else if (!stats.isDirectory()) failures.leaveOut(stats.pathBytes, `is a ${stats.type}`);
      else if (path.length > 0) await extractor.directory(path, stats);
    });
  }
  await extractor.finish((path, error) => failures.add(path, path, error));
  failures.report();
}

/** The name under which a path is copied; empty for the root and for `DIR/.`, of which the content is copied. */
function lastName(path: Uint8Array): Uint8Array {
  // One character a byte: names need not be UTF-8.
  const last = Buffer.from(path).toString("latin1").split("/").filter(Boolean).at(-1) ?? "";
  return Buffer.from(last === "." || last === ".." ? "" : last, "latin1");
}

/** The folder to write below, and the name there: as `cp -r` decides it. */
async function targetOf(
  dest: string,
  name: Uint8Array,
  isDirectory: boolean,
): Promise<{ root: string; name: Uint8Array }> {
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
  return { root, name: Buffer.from(basename(full)) };
}

export const cp: Command = {
  name: "cp",
  summary: "copy a file or folder to disk, or as a tar archive to standard output",
  usage: "IMAGE PATH DEST|- [-P] [--preserve-special]",
  details: `Folders are copied with everything below them. If DEST is a directory, the copy goes into it (PATH/. copies what PATH
holds). Modes, times, symbolic and hard links are kept; owners and extended attributes only in an archive.
Holes of sparse files stay holes. Nothing is ever written outside DEST: links are made as they are in the image, but never
followed. A file that cannot be copied is left out, the others are copied, and a list at the end says which are missing and
why; the exit code is that of the first such failure. A copy to disk also leaves out devices and pipes, and the exit code is
then ${EXIT.skipped}; an archive holds them.`,
  options: {
    ...options(`
      -P, --no-dereference  if PATH is a link, copy the link
      --preserve-special    keep set-user-id, set-group-id and sticky bits
    `),
    ...PATHS,
  },
  refuses: ["json"],
  arity: [3, 3],
  run,
};
