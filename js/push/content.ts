/** What is pushed: blobs and manifests. @module */
import type { Descriptor } from "./descriptor.js";

/** A blob that can be read by pieces, as often as an upload needs it. */
export interface Blob {
  readonly digest: string;
  readonly size: number;
  /** Bytes `start` to `end` (not included). */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
}

/** A manifest as it is stored: its digest is that of these bytes. */
export interface Manifest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly digest: string;
}

/** What became of a blob. */
export type BlobOutcome = "present" | "mounted" | "uploaded";

/** Options of operations on a {@link Destination}. */
export interface DestinationOptions {
  signal?: AbortSignal | undefined;
}

/** Where images are written to: a repository of a registry, or an OCI image layout. */
export interface Destination {
  /** How messages name it. */
  readonly name: string;
  /** Sees to it that a blob is there. `mountFrom`: a repository of the same registry that has it. */
  putBlob(
    blob: Blob,
    options?: DestinationOptions & { mountFrom?: string | undefined; onBytes?: (bytes: number) => void },
  ): Promise<BlobOutcome>;
  /** The manifest of a tag or digest, or nothing. */
  getManifest(reference: string, options?: DestinationOptions): Promise<Manifest | undefined>;
  /** Writes a manifest, under its digest or under a tag. What it lists must be there. */
  putManifest(manifest: Manifest, options?: DestinationOptions & { tag?: string | undefined }): Promise<void>;
  /**
   * Writes a manifest that has a `subject`, so that it is found as the subject's referrer: where the API of referrers
   * is missing, by the tag that the specification falls back to. What others wrote there stays, as far as a tag that is
   * read, changed and written allows: it is looked at again afterwards.
   */
  putReferrer(manifest: Manifest, options?: DestinationOptions): Promise<void>;
  /** What refers to a manifest, of one type if that is named. */
  referrers(digest: string, artifactType?: string, options?: DestinationOptions): Promise<Descriptor[]>;
  /** Takes a manifest out of the list that is used where there is no API of referrers, if it is in it. */
  removeReferrer(subject: string, digest: string, options?: DestinationOptions): Promise<void>;
  /** Deletes a manifest. Blobs are left to the garbage collection. */
  deleteManifest(digest: string, options?: DestinationOptions): Promise<void>;
}

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
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
