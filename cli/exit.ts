import { type ErrorCode, OcipeekError } from "../js/index.js";

/** The exit codes, as `ocipeek --help` lists them. */
export const EXIT = {
  ok: 0,
  notFound: 1,
  usage: 2,
  network: 3,
  verification: 4,
  limit: 5,
  unsupported: 6,
  skipped: 7,
  failed: 8,
  interrupted: 130,
} as const;

/** Meanings of the exit codes. */
export const EXIT_TEXT: readonly [number, string][] = [
  [EXIT.ok, "done"],
  [
    EXIT.notFound,
    "no such image, no such file in it, or (soci list, info, verify) no index; soci check: not loaded lazily",
  ],
  [EXIT.usage, "wrong usage"],
  [EXIT.network, "the network or the registry failed, or refused"],
  [EXIT.verification, "content is broken or does not match its digest; soci verify: the index is wrong"],
  [EXIT.limit, "a limit was exceeded; see --limit"],
  [EXIT.unsupported, "the image is of a kind that cannot be read or indexed"],
  [
    EXIT.skipped,
    "cp: only devices and pipes were left out; if other files were too, the code is that of the first of them",
  ],
  [EXIT.failed, "the local system failed, for example while writing"],
  [EXIT.interrupted, "interrupted"],
];

/** A mistake in the command line. */
export class UsageError extends Error {}

const BY_CODE: Record<ErrorCode, number> = {
  NOT_FOUND: EXIT.notFound,
  ENOENT: EXIT.notFound,
  ENOTDIR: EXIT.notFound,
  EISDIR: EXIT.notFound,
  ELOOP: EXIT.notFound,
  EINVAL: EXIT.notFound,
  INVALID_ARGUMENT: EXIT.usage,
  INVALID_REFERENCE: EXIT.usage,
  NETWORK: EXIT.network,
  UNAUTHORIZED: EXIT.network,
  FORBIDDEN: EXIT.network,
  RATE_LIMITED: EXIT.network,
  RANGE_NOT_SUPPORTED: EXIT.network,
  DIGEST_MISMATCH: EXIT.verification,
  CORRUPT_MANIFEST: EXIT.verification,
  CORRUPT_ZTOC: EXIT.verification,
  CORRUPT_LAYER: EXIT.verification,
  LIMIT_EXCEEDED: EXIT.limit,
  UNSUPPORTED: EXIT.unsupported,
  ABORTED: EXIT.interrupted,
  NOT_LOADED: EXIT.failed,
  INTERNAL: EXIT.failed,
};

/** The exit code for an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof OcipeekError) return BY_CODE[error.code] ?? EXIT.failed;
  return EXIT.failed;
}

/** A file that the command line names cannot be read. */
export function unreadable(error: NodeJS.ErrnoException): never {
  throw error.code === "ENOENT" || error.code === "EISDIR" ? new UsageError(error.message) : error;
}
