/** Error codes, and what would help. @module */

/** The stable error codes. */
export type ErrorCode =
  | "NOT_FOUND"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "RATE_LIMITED"
  | "RANGE_NOT_SUPPORTED"
  | "DIGEST_MISMATCH"
  | "CORRUPT_MANIFEST"
  | "CORRUPT_ZTOC"
  | "CORRUPT_LAYER"
  | "LIMIT_EXCEEDED"
  | "UNSUPPORTED"
  | "ABORTED"
  | "NETWORK"
  | "INVALID_REFERENCE"
  | "INVALID_ARGUMENT"
  | "ENOENT"
  | "ENOTDIR"
  | "EISDIR"
  | "ELOOP"
  | "EINVAL"
  /** The wasm module cannot be loaded here; the message names the line that helps. */
  | "NOT_LOADED"
  /** The library failed in the middle of something (no memory left, a bug). What was open is lost: open it again. */
  | "INTERNAL";

/** Remedy: what would help against an error, as {@link OcipeekError.remedies} lists it. */
export type Remedy =
  /** Raising the limit that the error names: to this at least, as far as is known. */
  | { kind: "raise-limit"; to: number }
  /** Another module of the package, which reads this format. */
  | { kind: "other-build"; format: string }
  | {
      kind:
        | "close-images"
        | "read-unverified"
        /** Of chunks of which the layer's table of contents states no digest. */
        | "read-unverified-chunks"
        | "without-index"
        /** What is merely attached to the image. */
        | "use-attached"
        | "build-index"
        | "make-index"
        | "convert-to-soci"
        | "convert-to-chunked"
        | "plain-reader"
        | "unpack"
        /** Ending a URL with a tag or digest, so that it is a reference. */
        | "name-tag"
        /** The one that the message names. */
        | "trust-token-host"
        | "sign-in"
        | "try-later";
    };

/** The kind of a {@link Remedy}. */
export type RemedyKind = Remedy["kind"];

/** Remedies in words for the users of one interface, by kind; `undefined` for what they cannot do. */
export type RemedyWords = Readonly<Record<RemedyKind, string | undefined>>;
