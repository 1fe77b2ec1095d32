/**
 * The folder of a cache: which one may be one, and which files in it are ours.
 *
 * A folder is ours by a file with the name {@link MARK}, which we put into folders that were empty. `CACHEDIR.TAG` beside
 * it (https://bford.info/cachedir/) tells programs that make backups to leave it out.
 * @module
 */
import { randomBytes } from "node:crypto";
import type { Dirent } from "node:fs";
import { lstat, mkdir, opendir, readdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { OcipeekError } from "../errors.js";

/** The file that says whose folder it is. */
export const MARK = ".ocipeek-cache";
const TAG = "CACHEDIR.TAG";
const MARK_TEXT = `This folder is a cache that ocipeek made. Files of its own in it are deleted when they
are too many; all of them can be deleted at any time. It removes nothing else.
`;
const TAG_TEXT = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by ocipeek.
# For information about cache directory tags, see https://bford.info/cachedir/
`;
/** Names that a folder which counts as empty may hold: a file system's own folder, and a tag that somebody put there before. */
const NOTHING = new Set(["lost+found", TAG]);
/** Milliseconds after which a file that was begun and never finished belongs to nobody any more. */
const ABANDONED_MS = 3_600_000;

const KIND = /^[a-z]{1,20}-v[0-9]{1,4}$/;
const ALGORITHM = /^[a-z0-9]{1,20}$/;
const HEX = /^[0-9a-f]{32,128}$/;
const PART = /^[0-9a-f]{32,128}\.[0-9a-f]{12}\.part$/;

/** A file of ours. */
export interface Kept {
  readonly path: string;
  readonly size: number;
  /** When it was last read or written, in milliseconds since the epoch. */
  readonly used: number;
  /** Begun by a process that is gone. */
  readonly abandoned: boolean;
}

/** `sha256:ab…` → `sha256/ab/ab…`, `pack-v1:sha256:ab…` → `pack-v1/sha256/ab/ab…`, as parts; else nothing. */
export function partsOf(key: string): string[] | undefined {
  const match = /^(?:([a-z]{1,20}-v[0-9]{1,4}):)?([a-z0-9]{1,20}):([0-9a-f]{32,128})$/.exec(key);
  if (!match?.[2] || !match[3]) return undefined;
  return [...(match[1] ? [match[1]] : []), match[2], match[3].slice(0, 2), match[3]];
}

/** A name for a file while it is written. */
export function partOf(file: string): string {
  return `${file}.${randomBytes(6).toString("hex")}.part`;
}

/**
 * Looks whether a folder may be a cache: one of ours, an empty one, or none yet. Gives the folder without links in its
 * name, or nothing where there is none yet.
 * @throws OcipeekError `INVALID_ARGUMENT` where it is somebody else's
 */
export async function examine(folder: string): Promise<string | undefined> {
  const root = await realpath(folder).catch(absent);
  if (root === undefined) return undefined;
  if (!(await isMarked(root))) {
    const other = await firstOther(root, folder);
    // Another process may have put its mark there, and more, while we were reading.
    if (other !== undefined && !(await isMarked(root))) throw notOurs(folder, `holds ${other}`);
  }
  return root;
}

/** Makes a folder ours, if it may be; gives it without links in its name. */
export async function claim(folder: string): Promise<string> {
  let root = await examine(folder);
  if (root === undefined) {
    await makeAll(resolve(folder));
    root = (await examine(folder)) ?? (await realpath(folder));
  }
  // The mark comes first: whoever sees anything of ours sees it too.
  for (const [name, text] of [
    [MARK, MARK_TEXT],
    [TAG, TAG_TEXT],
  ] as const) {
    await writeFile(join(root, name), text, { flag: "wx" }).catch(existing);
  }
  return root;
}

/** Makes a folder and those above it. Node's own `recursive` never ends where a file system makes none, such as `/proc`. */
async function makeAll(folder: string): Promise<void> {
  const make = (): Promise<void> => mkdir(folder, { mode: 0o700 }).catch(existing);
  try {
    await make();
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || above === folder) throw error;
    await makeAll(above);
    await make();
  }
}

/** Whether the file or folder lies where its name says, no link on the way. */
export async function isInPlace(path: string): Promise<boolean> {
  return (await realpath(path).catch(absent)) === path;
}

/** Makes the folder of a file below the root; gives whether it is one in its place. */
export async function makeFolder(root: string, parts: readonly string[]): Promise<boolean> {
  const wanted = join(root, ...parts);
  if (await isInPlace(wanted)) return true;
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    await mkdir(path, { mode: 0o700 }).catch(existing);
    // One by one: through a link, the next one would be made somewhere else.
    if (!(await lstat(path)).isDirectory()) return false;
  }
  return true;
}

/** The files of ours below the root: by their names and places, no link followed. */
export async function list(root: string): Promise<Kept[]> {
  const found: Kept[] = [];
  for (const top of await foldersIn(root)) {
    if (ALGORITHM.test(top)) await listAlgorithm(join(root, top), found);
    if (!KIND.test(top)) continue;
    for (const algorithm of await foldersIn(join(root, top))) {
      if (ALGORITHM.test(algorithm)) await listAlgorithm(join(root, top, algorithm), found);
    }
  }
  return found;
}

async function listAlgorithm(folder: string, found: Kept[]): Promise<void> {
  for (const two of await foldersIn(folder)) {
    if (!/^[0-9a-f]{2}$/.test(two)) continue;
    for (const entry of await entriesOf(join(folder, two))) {
      const { name } = entry;
      if (!entry.isFile() || !name.startsWith(two) || !(HEX.test(name) || PART.test(name))) continue;
      const path = join(folder, two, name);
      const stats = await lstat(path).catch(absent);
      if (!stats?.isFile()) continue;
      const abandoned = PART.test(name) && Date.now() - stats.mtimeMs > ABANDONED_MS;
      found.push({ path, size: stats.size, used: stats.mtimeMs, abandoned });
    }
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  return (await entriesOf(folder)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

/** Whether the mark is in it: a file, not a link to one. */
async function isMarked(root: string): Promise<boolean> {
  return (await lstat(join(root, MARK)).catch(absent))?.isFile() === true;
}

/** The name of something that is in a folder already. */
async function firstOther(root: string, folder: string): Promise<string | undefined> {
  const entries = await opendir(root).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === "ENOTDIR" ? notOurs(folder, "is no folder") : cause;
  });
  // Leaving the loop closes it.
  for await (const { name } of entries) if (!NOTHING.has(name)) return JSON.stringify(name);
  return undefined;
}

function notOurs(folder: string, why: string): OcipeekError {
  return new OcipeekError(
    "INVALID_ARGUMENT",
    `${folder} cannot be a cache: it ${why}, and no file ${MARK}, which marks the caches that ocipeek made. ` +
      `Name an empty folder or a new one, such as ${join(folder, "ocipeek-cache")}. If it is a cache that an earlier version made, delete it`,
  );
}

/** For what need not be there. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR" && error.code !== "ELOOP") throw error;
  return undefined;
}

/** For what may be there already. */
function existing(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
