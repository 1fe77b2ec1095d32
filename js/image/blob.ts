import type { LocalFiles } from "../../wasm/ocipeek.js";
import { MemoryCache } from "../cache.js";

/**
 * What was found in compressed archives, at most 12 MB of each: who lists the images of one and then opens one of them
 * does not wait twice.
 */
export const archives = new MemoryCache({ maxBytes: 16 << 20 });

/** A `Blob` or `File` as an archive. Only the slices asked for are read. */
export function blobFiles(blob: Blob): LocalFiles {
  const { name, lastModified } = blob as { name?: unknown; lastModified?: unknown };
  return {
    name: typeof name === "string" && name !== "" ? name : "blob",
    steady: true,
    version: String(lastModified ?? ""),
    kept: archives,
    size: async () => blob.size,
    read: async (_path, start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

/** Files by their paths as a folder. */
export function mapFiles(files: ReadonlyMap<string, Blob>): LocalFiles {
  return {
    name: "folder",
    steady: true,
    size: (path) => files.get(path)?.size,
    read: async (path, start, end) => {
      const part = files.get(path)?.slice(start, end);
      return new Uint8Array(part ? await part.arrayBuffer() : []);
    },
  };
}
