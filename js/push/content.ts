/** Content to push: blobs and manifests. @module */
import { sha256 } from "../common/hex.js";
import type { Blob, Manifest } from "../types/content.js";

/**
 * A blob in memory.
 *
 * @example
 * ```js
 * import { blobOf } from "ocipeek/push";
 *
 * const blob = await blobOf(new TextEncoder().encode("{}"));
 * console.log(blob.size, blob.digest.slice(0, 15)); // 2 sha256:44136fa3
 * ```
 */
export async function blobOf(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  return inMemory(await digestOf(bytes), bytes);
}

/** A blob in memory whose digest is known. @internal */
export function inMemory(digest: string, bytes: Uint8Array<ArrayBuffer>): Blob {
  return { digest, size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

/**
 * A manifest of these bytes.
 *
 * @example
 * ```js
 * import "ocipeek"; // which knows where the wasm module is
 * import { blobOf, manifestOf, registryDestination } from "ocipeek/push";
 *
 * const mediaType = "application/vnd.oci.image.manifest.v1+json";
 * const empty = await blobOf(new TextEncoder().encode("{}"));
 * const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: empty.digest, size: empty.size };
 * const json = { schemaVersion: 2, mediaType, artifactType: "text/note", config, layers: [config] };
 * const manifest = await manifestOf(new TextEncoder().encode(JSON.stringify(json)), mediaType);
 *
 * const destination = await registryDestination("ghcr.io/owner/notes");
 * await destination.putBlob(empty);
 * await destination.putManifest(manifest, { tag: "first" });
 * ```
 */
export async function manifestOf(bytes: Uint8Array<ArrayBuffer>, mediaType: string): Promise<Manifest> {
  return { bytes, mediaType, digest: await digestOf(bytes) };
}

/** `sha256:…` of bytes. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256:${await sha256(bytes)}`;
}
