import { open as openFile, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { invalid, OcipeekError } from "../errors.js";
import type { Cache } from "../types/index.js";
import { claim, examine, isInPlace, type Kept, list, makeFolder, partOf, partsOf } from "./cache-folder.js";

/**
 * A cache in a folder: files with the bytes used last, up to a size. Several processes may share it.
 *
 * The folder is a new or empty one, or one that this class made: it has a file `.ocipeek-cache` in it. Any other is
 * refused. Only its own files in it are counted and deleted; links in it lead nowhere.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { DirectoryCache } from "ocipeek/node";
 *
 * const cache = new DirectoryCache("./cache", { maxBytes: 256 << 20 });
 * await cache.check(); // throws where the folder holds other things
 * const image = await open("ghcr.io/owner/app:1", { cache });
 * await image.readFile("/etc/services");
 * ```
 */
export class DirectoryCache implements Cache {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** The folder without links in its name, once it is known to be ours or empty. */
  #root: string | undefined;
  #claimed = false;
  #refused: OcipeekError | undefined;
  /** Bytes in the folder, as far as this process knows. */
  #bytes: Promise<number> | undefined;

  /** Keeps `maxBytes` in `folder`, 1 GiB by default. The folder is made when it is needed. */
  constructor(folder: string, options: { maxBytes?: number } = {}) {
    this.#folder = folder;
    this.#maxBytes = options.maxBytes ?? 2 ** 30;
    if (!(this.#maxBytes >= 0)) throw invalid("maxBytes must be a number that is not negative");
  }

  /**
   * Looks whether the folder may be used, without changing anything. Who reads an image treats a cache that fails as
   * one that has nothing: to tell people, call this first.
   * @throws {@link OcipeekError} `INVALID_ARGUMENT` where the folder holds other things
   */
  async check(): Promise<void> {
    await this.#find();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const file = await this.#file(key);
    if (!file || !(await isInPlace(file))) return undefined;
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes) await used(file);
    return bytes;
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    const file = await this.#file(key);
    if (!file || !(await isInPlace(file))) return undefined;
    const handle = await openFile(file).catch(() => undefined);
    if (!handle) return undefined;
    try {
      const { size } = await handle.stat();
      const bytes = new Uint8Array(Math.max(Math.min(end, size) - start, 0));
      let at = 0;
      while (at < bytes.byteLength) {
        const { bytesRead } = await handle.read(bytes, at, bytes.byteLength - at, start + at);
        if (bytesRead === 0) return undefined;
        at += bytesRead;
      }
      await used(file);
      return bytes;
    } finally {
      await handle.close();
    }
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const parts = partsOf(key);
    if (!parts || value.byteLength > this.#maxBytes) return;
    try {
      await this.#write(parts, value);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      // Somebody deleted the folder, as they may.
      this.#root = undefined;
      this.#claimed = false;
      await this.#write(parts, value);
    }
    // What went wrong in one sum is not for ever.
    const known = this.#bytes?.catch(() => undefined);
    this.#bytes = this.#added(known, value.byteLength);
    await this.#bytes;
  }

  async #write(parts: readonly string[], value: Uint8Array): Promise<void> {
    const root = await this.#claim();
    const file = join(root, ...parts);
    if (!(await makeFolder(root, parts.slice(0, -1)))) {
      throw invalid(`${dirname(file)} is a link or no folder: nothing is kept there`);
    }
    // Written aside and renamed: a reader never sees half a file.
    const part = partOf(file);
    try {
      await writeFile(part, value, { flag: "wx", mode: 0o600 });
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  /** The file of a key, if there may be one. */
  async #file(key: string): Promise<string | undefined> {
    const parts = partsOf(key);
    const root = parts && (await this.#find());
    return parts && root !== undefined ? join(root, ...parts) : undefined;
  }

  async #find(): Promise<string | undefined> {
    this.#root ??= await this.#once(() => examine(this.#folder));
    return this.#root;
  }

  async #claim(): Promise<string> {
    if (this.#claimed && this.#root !== undefined) return this.#root;
    const root = await this.#once(() => claim(this.#folder));
    this.#root = root;
    this.#claimed = true;
    return root;
  }

  /** A folder that was refused is not looked at again. */
  async #once<T>(look: () => Promise<T>): Promise<T> {
    if (this.#refused) throw this.#refused;
    try {
      return await look();
    } catch (error) {
      if (error instanceof OcipeekError) this.#refused = error;
      throw error;
    }
  }

  async #added(known: Promise<number | undefined> | undefined, bytes: number): Promise<number> {
    const before = await known;
    const total = before === undefined ? await this.#evict() : before + bytes;
    return total > this.#maxBytes ? this.#evict() : total;
  }

  /**
   * Counts what there is. Removes what writers left behind, and, where it is too much, what was not used for longest,
   * down to nine tenths of the size.
   */
  async #evict(): Promise<number> {
    // Looked at again: since the last time it may have become somebody else's.
    this.#claimed = false;
    const root = await this.#claim();
    const files: Kept[] = [];
    for (const file of await list(root)) {
      if (file.abandoned) await rm(file.path, { force: true });
      else files.push(file);
    }
    let total = files.reduce((sum, file) => sum + file.size, 0);
    if (total <= this.#maxBytes) return total;
    for (const file of files.sort((a, b) => a.used - b.used)) {
      if (total <= this.#maxBytes * 0.9) break;
      if (await isInPlace(file.path)) await rm(file.path, { force: true });
      total -= file.size;
    }
    return total;
  }
}

/** Notes that a file was read just now. */
async function used(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => {});
}
