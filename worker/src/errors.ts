/** The worker's errors, and which HTTP status each stable code has. @module */
import { type ErrorCode, OcipeekError, type RemedyWords } from "ocipeek";

/** Codes that the worker adds to those of the package. */
export type WorkerCode =
  | "INVALID_URL"
  | "METHOD_NOT_ALLOWED"
  | "REGISTRY_NOT_ALLOWED"
  | "HOST_NOT_ALLOWED"
  | "PRECONDITION_FAILED"
  | "RANGE_NOT_SATISFIABLE"
  | "TIMEOUT"
  | "CONFIGURATION"
  | "INTERNAL";

/** Every code that an answer can have. */
export type Code = ErrorCode | WorkerCode;

/** Status by code. Where the registry's own answer decides, {@link toHttpError} looks at that too. */
const STATUS: Readonly<Record<Code, number>> = {
  INVALID_URL: 400,
  INVALID_REFERENCE: 400,
  INVALID_ARGUMENT: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  /** Not in the configuration's list. */
  REGISTRY_NOT_ALLOWED: 403,
  NOT_FOUND: 404,
  ENOENT: 404,
  ENOTDIR: 404,
  EISDIR: 404,
  METHOD_NOT_ALLOWED: 405,
  PRECONDITION_FAILED: 412,
  /** More than this worker gives for one request; the message names the limit. */
  LIMIT_EXCEEDED: 413,
  RANGE_NOT_SATISFIABLE: 416,
  /** The image has something there that has no content to send. */
  EINVAL: 422,
  ELOOP: 422,
  RATE_LIMITED: 429,
  UNSUPPORTED: 501,
  /** A registry, redirect or token service named a host that is not to be reached. */
  HOST_NOT_ALLOWED: 502,
  RANGE_NOT_SUPPORTED: 502,
  DIGEST_MISMATCH: 502,
  CORRUPT_MANIFEST: 502,
  CORRUPT_ZTOC: 502,
  CORRUPT_LAYER: 502,
  NETWORK: 502,
  ABORTED: 503,
  TIMEOUT: 504,
  CONFIGURATION: 500,
  NOT_LOADED: 500,
  INTERNAL: 500,
};

/** What to do, by the names of the worker's settings. */
const WORDS: RemedyWords = {
  "raise-limit": "raise that limit if you trust the image",
  "close-images": undefined,
  "read-unverified": 'let the worker read it by ranges, unverified (OCIPEEK_UNVERIFIED = "crc")',
  // The setting does not give what eStargz lacks.
  "read-unverified-chunks": undefined,
  "without-index": undefined,
  "use-attached": "set OCIPEEK_ATTACHED_INDEX to look for one that is attached",
  "build-index": 'set OCIPEEK_INDEX to "build", which streams the layer once and keeps an index of it',
  "make-index": "build a SOCI index of the image",
  "convert-to-soci": "make an image that has a SOCI index with `npx ocipeek soci convert`",
  "convert-to-chunked": "convert the image to zstd:chunked (skopeo copy --dest-compress-format zstd:chunked)",
  "plain-reader": undefined,
  "other-build": undefined,
  unpack: undefined,
  "name-tag": undefined,
  "trust-token-host": "list its host in OCIPEEK_TOKEN_HOSTS if you trust it",
  "sign-in": "sign in",
  "try-later": "try again later",
};

/** An error that knows its answer. Its message goes to the caller: no secret, no signed URL. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  /** Stable. */
  readonly code: Code;
  /** Of the answer. */
  readonly status: number;
  /** Headers that go with it, such as `allow` and `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: Code,
    message: string,
    options: { status?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? STATUS[code];
    this.headers = options.headers ?? {};
  }
}

/** The answer for whatever was thrown. What is not known says nothing of itself. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (!(error instanceof OcipeekError)) {
    return new HttpError("INTERNAL", "the worker failed; its log says more", { cause: error });
  }
  const { code, status, retryAfter } = error;
  const headers: Record<string, string> = {};
  // Others hold it just now.
  const isFull = isOutOfMemory(error);
  if (isFull) headers["retry-after"] = "2";
  if (code === "RATE_LIMITED" && retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  const timedOut = code === "NETWORK" && (status === 504 || status === 408);
  const isIdle = code === "NETWORK" && error.limit === "maxIdleMs";
  return new HttpError(isIdle ? "TIMEOUT" : code, error.worded(WORDS), {
    cause: error,
    headers,
    ...(timedOut ? { status: 504 } : isFull ? { status: 503 } : {}),
  });
}

/** Whether images take all the memory that they may. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof OcipeekError && error.limit === "maxMemory";
}

/** What a platform throws where a registry's body ends too early or not at all; what we threw ourselves says more. */
export function brokeOff(cause: unknown): never {
  if (cause instanceof HttpError || cause instanceof OcipeekError) throw cause;
  throw new HttpError("NETWORK", "the registry's answer broke off", { cause });
}
