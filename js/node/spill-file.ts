import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore } from "../build/store.js";
import { OcipeekError } from "../errors.js";
import type { SpillStore } from "../types/build.js";

/** Bytes that stay in memory: the checkpoints of a layer of 500 MB with usual spans. */
const IN_MEMORY = 4 << 20;

/**
 * A store that goes to a temporary file once it holds more than 4 MiB. The file has no name for others where the system
 * allows that, and is gone when the process ends.
 *
 * @example
 * ```js
 * import { buildZtoc } from "ocipeek/build";
 * import { fileBytes, spillFile } from "ocipeek/node";
 *
 * const ztoc = await buildZtoc(fileBytes("layer.tar.gz"), { store: spillFile() });
 * const bytes = await ztoc.bytes();
 * await ztoc.close();
 * ```
 */
export function spillFile(folder: string = tmpdir()): SpillStore {
  return new SpillFile(folder);
}

class SpillFile implements SpillStore {
  readonly #folder: string;
  readonly #memory = new MemoryStore();
  #file: { handle: FileHandle; path: string | undefined } | undefined;
  #size = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#file && this.#memory.size + bytes.length <= IN_MEMORY) {
      this.#memory.append(bytes);
      return;
    }
    this.#file ??= await makeFile(this.#folder);
    const { handle } = this.#file;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, this.#size + done);
      done += bytesWritten;
    }
    this.#size += bytes.length;
  }

  async read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const out = new Uint8Array(end - start);
    await this.readInto(start, out);
    return out;
  }

  async readInto(start: number, into: Uint8Array<ArrayBuffer>): Promise<void> {
    const kept = this.#memory.size;
    if (!this.#file || start + into.length <= kept) {
      this.#memory.readInto(start, into);
      return;
    }
    let filled = Math.max(0, kept - start);
    if (filled > 0) this.#memory.readInto(start, into.subarray(0, filled));
    while (filled < into.length) {
      const at = start + filled - kept;
      const { bytesRead } = await this.#file.handle.read(into, filled, into.length - filled, at);
      if (bytesRead === 0) throw new OcipeekError("INTERNAL", `the temporary file ends at ${at}`);
      filled += bytesRead;
    }
  }

  async close(): Promise<void> {
    this.#memory.close();
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
    if (file?.path !== undefined) await rm(file.path, { force: true });
  }
}

async function makeFile(folder: string): Promise<{ handle: FileHandle; path: string | undefined }> {
  const path = join(folder, `ocipeek-${randomBytes(8).toString("hex")}.tmp`);
  const handle = await open(path, "wx+", 0o600);
  try {
    // Nothing is left behind then, whatever becomes of the process. Windows keeps the name until it is closed.
    await unlink(path);
    return { handle, path: undefined };
  } catch {
    return { handle, path };
  }
}
