import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LocalFiles } from "../../wasm/ocipeek.js";

/** An OCI image layout in a folder. */
export function folderFiles(folder: string): LocalFiles {
  return {
    name: folder,
    fresh: true,
    size: (path) => size(join(folder, path)),
    read: (path, start, end) => readPart(join(folder, path), start, end),
  };
}

/** A tar of an OCI image layout. */
export function archiveFiles(file: string): LocalFiles {
  return {
    name: file,
    fresh: true,
    size: () => size(file),
    read: (_path, start, end) => readPart(file, start, end),
  };
}

async function size(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
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
