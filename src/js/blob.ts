import type { LocalFiles } from "../wasm/ocipeek.js";

/** A `Blob` or `File` as an archive. Only the slices asked for are read. */
export function blobFiles(blob: Blob): LocalFiles {
  const name = (blob as { name?: unknown }).name;
  return {
    name: typeof name === "string" && name !== "" ? name : "blob",
    steady: true,
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
