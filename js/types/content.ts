/** Content of repositories and layouts: descriptors, blobs, manifests, and where they are written to. @module */

/** Descriptor: what names content (OCI image specification, `descriptor.md`). */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
  platform?: Record<string, unknown>;
}

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

/** Outcome of an upload. */
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
