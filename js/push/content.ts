/** What is pushed: blobs and manifests. @module */
import { sha256 } from "../common/hex.js";
import type { Blob, Manifest } from "../types/content.js";

/** A blob in memory. */
export async function blobOf(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  return {
    digest: await digestOf(bytes),
    size: bytes.length,
    read: async (start, end) => bytes.subarray(start, end),
  };
}

/** A manifest of these bytes. */
export async function manifestOf(bytes: Uint8Array<ArrayBuffer>, mediaType: string): Promise<Manifest> {
  return { bytes, mediaType, digest: await digestOf(bytes) };
}

/** `sha256:…` of bytes. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256:${await sha256(bytes)}`;
}
