import type { RawError } from "../wasm/ocipeek.js";
import { decode } from "./text.js";
import type { ErrorCode } from "./types/index.js";

/** What an {@link OcipeekError} concerns, besides its code and message. */
export interface ErrorDetails {
  /** The image reference. */
  reference?: string;
  /** The blob. */
  digest?: string;
  /** The path in the image. */
  path?: string;
  /** The same as raw bytes. */
  pathBytes?: Uint8Array;
  /** The byte offset. */
  offset?: number;
  /** The exceeded limit, as {@link OpenOptions.limits} names it. */
  limit?: string;
  /** The image format that another build of the library, or module of the package, reads. */
  format?: string;
  /** The HTTP status. */
  status?: number;
  /** Seconds that the registry asked to wait. */
  retryAfter?: number;
  /** The exception or abort reason that led here. */
  cause?: unknown;
}

/**
 * Every error of this package: a stable {@link code}, a sentence a person can act on, and what it concerns.
 * Its name is `AbortError` where the caller stopped the operation, as that of other web interfaces.
 * Holds no credential, no token and no signed URL.
 *
 * @example
 * ```js
 * import { OcipeekError, open } from "ocipeek";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * try {
 *   await image.readFile("/no/such/file");
 * } catch (error) {
 *   if (!(error instanceof OcipeekError && error.code === "ENOENT")) throw error;
 *   console.log(error.path); // /no/such/file
 * }
 * ```
 */
export class OcipeekError extends Error {
  /** What went wrong; does not change between releases. */
  readonly code: ErrorCode;
  /** The image reference it concerns. */
  readonly reference: string | undefined;
  /** The blob it concerns. */
  readonly digest: string | undefined;
  /** The path in the image it concerns. */
  readonly path: string | undefined;
  /** The same as raw bytes. */
  readonly pathBytes: Uint8Array | undefined;
  /** The byte offset it concerns. */
  readonly offset: number | undefined;
  /** The exceeded limit, as {@link OpenOptions.limits} names it. */
  readonly limit: string | undefined;
  /** The image format that another build of the library, or module of the package, reads. */
  readonly format: string | undefined;
  /** The HTTP status that led here. */
  readonly status: number | undefined;
  /** Seconds that the registry asked to wait. */
  readonly retryAfter: number | undefined;

  /** An error of `code`. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = code === "ABORTED" ? "AbortError" : "OcipeekError";
    this.code = code;
    this.reference = details.reference;
    this.digest = details.digest;
    this.path = details.path;
    this.pathBytes = details.pathBytes;
    this.offset = details.offset;
    this.limit = details.limit;
    this.format = details.format;
    this.status = details.status;
    this.retryAfter = details.retryAfter;
  }
}

/** `INVALID_ARGUMENT`. */
export function invalid(message: string): OcipeekError {
  return new OcipeekError("INVALID_ARGUMENT", `INVALID_ARGUMENT: ${message}`);
}

/** The public error for what wasm rejected with; anything else stays what it is. */
export function fromWasm(raw: unknown): unknown {
  if (isLoss(raw)) return new OcipeekError("INTERNAL", raw.message, { cause: raw.cause });
  if (!isRawError(raw)) return raw;
  const { code, message, path, ...rest } = raw;
  const details: ErrorDetails = path ? { ...rest, path: decode(path), pathBytes: path } : rest;
  return new OcipeekError(code as ErrorCode, message, details);
}

/** What the glue throws once its instance has failed. */
function isLoss(raw: unknown): raw is Error {
  return raw instanceof Error && !(raw instanceof OcipeekError) && "code" in raw && raw.code === "INTERNAL";
}

/** What `call` of wasm gives; its errors are public ones. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromWasm(error);
  }
}

function isRawError(raw: unknown): raw is RawError {
  return typeof raw === "object" && raw !== null && !(raw instanceof Error) && "code" in raw;
}
