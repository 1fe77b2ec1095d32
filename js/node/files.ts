import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LocalFiles } from "../../wasm/ocipeek.js";
import { archives } from "../image/blob.js";

/** An OCI image layout in a folder. */
export function folderFiles(folder: string): LocalFiles {
  return {
    name: folder,
    fresh: true,
    size: (path) => size(join(folder, path)),
    read: (path, start, end) => readPart(join(folder, path), start, end),
  };
}

/** A tar of an OCI image layout, or what `docker save` wrote. */
export function archiveFiles(file: string): LocalFiles {
  let version = "";
  return {
    name: file,
    fresh: true,
    get version() {
      return version;
    },
    kept: archives,
    async size() {
      const found = await regular(file);
      version = found ? `${found.ino} ${found.mtimeMs} ${found.ctimeMs}` : "";
      return found?.size;
    },
    read: (_path, start, end) => readPart(file, start, end),
  };
}

async function size(path: string): Promise<number | undefined> {
  return (await regular(path))?.size;
}

async function regular(path: string): Promise<Stats | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found : undefined;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Bytes `start` to `end` (not included) of a file, fewer where it ends before. */
export async function readPart(path: string, start: number, end: number): Promise<Uint8Array> {
  // Opened for each read: nothing has to be closed later, and an image that is dropped leaks no descriptor.
  const file = await open(path, "r");
  try {
    const buffer = new Uint8Array(end - start);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}
