/** Error codes. @module */

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
  /** The library failed in the middle of something (no memory left, a bug). What was open is lost: open it again. */
  | "INTERNAL";
