import type { LocalFiles } from "../wasm/ocipeek.js";

/** A `Blob` or `File` as an archive. Only the slices asked for are read. */
export function blobFiles(blob: Blob): LocalFiles {
  const name = (blob as { name?: unknown }).name;
  return {
    name: typeof name === "string" && name !== "" ? name : "blob",
    size: async () => blob.size,
    read: async (_path, start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}
