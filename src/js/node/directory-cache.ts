import { randomBytes } from "node:crypto";
import {
  mkdir,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { invalid } from "../errors.js";
import type { Cache } from "../types.js";

/** Keeps bytes as files of a folder, the last used ones up to a size. Several processes may share it. */
export class DirectoryCache implements Cache {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** Bytes in the folder, as far as this process knows. */
  #bytes: Promise<number> | undefined;

  /** Keeps `maxBytes` in `folder`, 1 GiB by default. The folder is made when it is needed. */
  constructor(folder: string, options: { maxBytes?: number } = {}) {
    this.#folder = folder;
    this.#maxBytes = options.maxBytes ?? 2 ** 30;
    if (!(this.#maxBytes >= 0)) throw invalid("maxBytes must be a number that is not negative");
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const file = this.#file(key);
    if (!file) return undefined;
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes) await used(file);
    return bytes;
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    const file = this.#file(key);
    const handle = file && (await openFile(file).catch(() => undefined));
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
    const file = this.#file(key);
    if (!file || value.byteLength > this.#maxBytes) return;
    await mkdir(dirname(file), { recursive: true });
    // Written aside and renamed: a reader never sees half a file.
    const part = `${file}.${randomBytes(6).toString("hex")}.part`;
    try {
      await writeFile(part, value, { flag: "wx", mode: 0o600 });
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    this.#bytes = this.#added(value.byteLength);
    await this.#bytes;
  }

  /** `sha256:ab…` → `FOLDER/sha256/ab/ab…`, `pack-v1:sha256:ab…` → `FOLDER/pack-v1/sha256/ab/ab…`; else nothing. */
  #file(key: string): string | undefined {
    const match = /^(?:([a-z]{1,20}-v[0-9]{1,4}):)?([a-z0-9]{1,20}):([0-9a-f]{32,128})$/.exec(key);
    if (!match?.[2] || !match[3]) return undefined;
    return join(this.#folder, match[1] ?? "", match[2], match[3].slice(0, 2), match[3]);
  }

  async #added(bytes: number): Promise<number> {
    const total = this.#bytes ? (await this.#bytes) + bytes : await this.#sum();
    return total > this.#maxBytes ? this.#evict() : total;
  }

  async #sum(): Promise<number> {
    return (await this.#list()).reduce((sum, file) => sum + file.size, 0);
  }

  /** Removes what was not used for longest, down to nine tenths of the size. */
  async #evict(): Promise<number> {
    const files = (await this.#list()).sort((a, b) => a.used - b.used);
    let total = files.reduce((sum, file) => sum + file.size, 0);
    for (const file of files) {
      if (total <= this.#maxBytes * 0.9) break;
      await rm(file.path, { force: true });
      total -= file.size;
    }
    return total;
  }

  async #list(): Promise<{ path: string; size: number; used: number }[]> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const found = await Promise.all(files.map((path) => stat(path).catch(() => undefined)));
    return found.flatMap((s, i) => {
      const path = files[i];
      return s && path ? [{ path, size: s.size, used: s.mtimeMs }] : [];
    });
  }
}

/** Notes that a file was read just now. */
async function used(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => {});
}
