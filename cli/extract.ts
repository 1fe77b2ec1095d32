/**
 * Writes files of an image to disk, and never outside of the folder it was given.
 *
 * - Every name is one component that is not `.` or `..`.
 * - Before anything is written into a folder, the folder is looked at without following links: it must be the very
 *   directory that was made or found before.
 * - A file is written under a new name that must not exist yet (`O_EXCL`, `O_NOFOLLOW`), then renamed; a rename
 *   replaces a link and does not follow it.
 * - Links are made last, when no file is left to be written.
 *
 * Node has no `openat`: against another process that swaps folders of the target meanwhile this is no protection.
 */
import { randomBytes } from "node:crypto";
import { constants, type Stats as FsStats } from "node:fs";
import {
  type FileHandle,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  rename,
  rm,
  symlink,
  utimes,
} from "node:fs/promises";
import { platform } from "node:process";
import type { Stats } from "../js/index.js";

const SLASH = Buffer.from("/");
const WINDOWS = platform === "win32";
/** 0 on Windows, which has neither. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const DIRECTORY = constants.O_DIRECTORY ?? 0;

/** The target holds something that must not be written through or over. */
export class UnsafeTarget extends Error {}

/** Target that somebody changes meanwhile: nothing more is written. */
export class SwappedTarget extends UnsafeTarget {}

interface Link {
  path: Uint8Array;
  make(part: Buffer): Promise<void>;
}

interface Folder {
  dev: number;
  ino: number;
  /** Set where it was made here: gets the image's mode and time at the end. */
  stats?: Stats | undefined;
}

/** Options of {@link Extractor}. */
export interface ExtractOptions {
  /** Keep set-user-id, set-group-id and sticky bits. */
  preserveSpecial?: boolean;
}

/** Writes entries below one folder. Paths are raw bytes, relative to it, parents first. */
export class Extractor {
  readonly #root: Buffer;
  readonly #modeMask: number;
  readonly #folders = new Map<string, Folder>();
  /** What makes each, further names of files before symbolic links. */
  readonly #links: Link[] = [];
  readonly #hardlinks: Link[] = [];

  /** Below `root`, which must be a real directory. */
  constructor(root: string, options: ExtractOptions = {}) {
    this.#root = Buffer.from(root);
    this.#modeMask = options.preserveSpecial ? 0o7777 : 0o777;
  }

  /** Makes a directory, or takes the one that is there. */
  async directory(path: Uint8Array, stats: Stats): Promise<void> {
    const parent = await this.#parent(path);
    const full = this.#full(path);
    let made: Stats | undefined;
    try {
      await mkdir(full, { mode: 0o700 });
      made = stats;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const found = await lstat(full);
    if (!found.isDirectory()) throw new UnsafeTarget(`${show(path)} is there and is not a directory`);
    await this.#check(parent);
    this.#folders.set(keyOf(path), { dev: found.dev, ino: found.ino, stats: made });
  }

  /**
   * Writes a regular file. It appears under its name when it is complete. Of a sparse file, `runs` say where the content
   * belongs; the rest become holes.
   */
  async file(
    path: Uint8Array,
    stats: Stats,
    content: AsyncIterable<Uint8Array>,
    runs?: readonly (readonly [offset: number, length: number])[],
  ): Promise<void> {
    const parent = await this.#parent(path);
    await this.#place(path, parent, async (part) => {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW;
      const file = await open(part, flags, 0o600);
      try {
        if (runs) {
          await file.truncate(stats.size);
          for await (const [at, piece] of placed(content, runs)) await writeAt(file, piece, at);
        } else {
          for await (const chunk of content) await file.writeFile(chunk);
        }
        await file.chmod(stats.mode & this.#modeMask);
        const time = timeOf(stats);
        if (time !== undefined) await file.utimes(time, time);
      } finally {
        await file.close();
      }
    });
  }

  /** Notes a symbolic link, made by {@link finish}. */
  async symlink(path: Uint8Array, stats: Stats): Promise<void> {
    await this.#parent(path);
    const time = timeOf(stats);
    const make = async (part: Buffer): Promise<void> => {
      await symlink(Buffer.from(stats.linknameBytes ?? []), part);
      if (time !== undefined && !WINDOWS) await lutimes(part, time, time);
    };
    this.#links.push({ path, make });
  }

  /** Notes a further name of a file that was written here. Made by {@link finish}. */
  async hardlink(path: Uint8Array, target: Uint8Array): Promise<void> {
    await this.#parent(path);
    const make = async (part: Buffer): Promise<void> => {
      await this.#parent(target);
      await link(this.#full(target), part);
    };
    this.#hardlinks.push({ path, make });
  }

  /** Makes the links, then gives the directories their modes and times. `onFailure` is told which link could not be made. */
  async finish(onFailure: (path: Uint8Array, error: unknown) => void = rethrow): Promise<void> {
    for (const { path, make } of [...this.#hardlinks, ...this.#links]) {
      try {
        await this.#place(path, await this.#parent(path), make);
      } catch (error) {
        onFailure(path, error);
      }
    }
    // The deepest first: a change inside a folder changes its time.
    for (const [key, folder] of [...this.#folders].reverse()) {
      if (!folder.stats) continue;
      try {
        await this.#finishFolder(key, folder, folder.stats);
      } catch (error) {
        onFailure(Buffer.from(key, "latin1"), error);
      }
    }
  }

  async #finishFolder(key: string, folder: Folder, stats: Stats): Promise<void> {
    const full = this.#full(Buffer.from(key, "latin1"));
    await this.#check(key);
    const time = timeOf(stats);
    if (WINDOWS) {
      if (time !== undefined) await utimes(full, time, time);
      return;
    }
    const handle = await open(full, constants.O_RDONLY | DIRECTORY | NO_FOLLOW);
    try {
      const found = await handle.stat();
      if (!isSame(found, folder)) throw new SwappedTarget(`${show(full)} was swapped meanwhile`);
      await handle.chmod(stats.mode & this.#modeMask);
      if (time !== undefined) await handle.utimes(time, time);
    } finally {
      await handle.close();
    }
  }

  /** Makes something under a new name beside `path` and renames it. */
  async #place(path: Uint8Array, parent: string, make: (part: Buffer) => Promise<void>): Promise<void> {
    const folder = this.#full(Buffer.from(parent, "latin1"));
    const name = Buffer.from(`.ocipeek-${randomBytes(8).toString("hex")}.part`);
    const part = Buffer.concat([folder, SLASH, name]);
    try {
      await make(part);
      await this.#check(parent);
      await rename(part, this.#full(path));
    } catch (error) {
      await rm(part, { force: true });
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EISDIR" || code === "ENOTEMPTY" || code === "EEXIST") {
        throw new UnsafeTarget(`${show(path)} is there and is a directory`);
      }
      throw error;
    }
    // A hard link renamed onto another name of its own file stays where it is (POSIX rename).
    await rm(part, { force: true });
  }

  /** The key of the folder that `path` lies in, after it was checked. */
  async #parent(path: Uint8Array): Promise<string> {
    checkName(path.subarray(path.lastIndexOf(0x2f) + 1));
    const parent = keyOf(path.subarray(0, Math.max(0, path.lastIndexOf(0x2f))));
    if (parent === "" && !this.#folders.has("")) {
      const found = await lstat(this.#root);
      if (!found.isDirectory()) throw new UnsafeTarget(`${this.#root} is not a directory`);
      this.#folders.set("", { dev: found.dev, ino: found.ino });
    }
    await this.#check(parent);
    return parent;
  }

  /** Throws unless the folder is still the directory that it was. */
  async #check(key: string): Promise<void> {
    const known = this.#folders.get(key);
    const path = Buffer.from(key, "latin1");
    if (!known) throw new UnsafeTarget(`${show(path)} is not a directory that was made here`);
    const found = await lstat(this.#full(path));
    if (!isSame(found, known)) throw new SwappedTarget(`${show(path)} was swapped meanwhile`);
  }

  #full(path: Uint8Array): Buffer {
    return path.length === 0 ? this.#root : Buffer.concat([this.#root, SLASH, path]);
  }
}

/** Pieces of content, each with where it belongs. */
async function* placed(
  content: AsyncIterable<Uint8Array>,
  runs: readonly (readonly [offset: number, length: number])[],
): AsyncGenerator<[at: number, piece: Uint8Array]> {
  let run = 0;
  let used = 0;
  for await (const chunk of content) {
    for (let rest = chunk; rest.length > 0; ) {
      const [offset, length] = runs[run] ?? [Number.NaN, 0];
      if (Number.isNaN(offset)) throw new Error("a sparse file has more data than its runs");
      const piece = rest.subarray(0, length - used);
      if (piece.length > 0) yield [offset + used, piece];
      rest = rest.subarray(piece.length);
      used += piece.length;
      if (used >= length) [run, used] = [run + 1, 0];
    }
  }
}

async function writeAt(file: FileHandle, piece: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    done += (await file.write(piece, done, piece.length - done, at + done)).bytesWritten;
  }
}

function rethrow(_path: Uint8Array, error: unknown): never {
  throw error;
}

function isSame(found: FsStats, known: Folder): boolean {
  return found.isDirectory() && found.dev === known.dev && found.ino === known.ino;
}

/** Throws unless `name` is one harmless component of a path on this system. */
export function checkName(name: Uint8Array, windows = WINDOWS): void {
  const text = Buffer.from(name).toString("latin1");
  const bad = text === "" || text === "." || text === ".." || /[/\0]/.test(text);
  const reserved = /[<>:"\\|?*\p{Cc}]|[. ]$|^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/iu;
  if (bad || (windows && reserved.test(text))) throw new UnsafeTarget(`${show(name)} is not a name to write`);
}

function keyOf(path: Uint8Array): string {
  // One character a byte: names need not be UTF-8.
  return Buffer.from(path).toString("latin1");
}

/** Seconds, or nothing where the image knows no time, or one that file systems do not take. */
function timeOf(stats: Stats): number | Date | undefined {
  const seconds = stats.mtimeMs / 1000;
  if (!Number.isFinite(seconds) || Math.abs(seconds) >= 2 ** 53) return undefined;
  // Node takes a negative number for the present time.
  return seconds < 0 ? new Date(stats.mtimeMs) : seconds;
}

function show(path: Uint8Array): string {
  return JSON.stringify(Buffer.from(path).toString());
}
