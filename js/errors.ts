import type { RawError } from "../wasm/ocipeek.js";
import { decode } from "./text.js";
import type { ErrorCode, Remedy, RemedyWords } from "./types/index.js";

/** Details of an {@link OcipeekError}, besides its code and message. */
export interface ErrorDetails {
  /** The image reference. */
  reference?: string | undefined;
  /** The blob. */
  digest?: string | undefined;
  /** The path in the image. */
  path?: string | undefined;
  /** The same as raw bytes. */
  pathBytes?: Uint8Array | undefined;
  /** The byte offset. */
  offset?: number | undefined;
  /** The exceeded limit, as {@link OpenOptions.limits} names it. */
  limit?: string | undefined;
  /** What that limit allows. */
  allowed?: number | undefined;
  /** What would help, each for itself. */
  remedies?: readonly Remedy[] | undefined;
  /** The HTTP status. */
  status?: number | undefined;
  /** Seconds that the registry asked to wait. */
  retryAfter?: number | undefined;
  /** The exception or abort reason that led here. */
  cause?: unknown;
}

/** What an error may concern. */
const ABOUT = [
  "reference",
  "digest",
  "path",
  "pathBytes",
  "offset",
  "limit",
  "allowed",
  "status",
  "retryAfter",
] as const;

/** {@link Remedy}, in words for users of this package. */
const WORDS: RemedyWords = {
  "raise-limit": "raise that limit if you trust the image",
  "close-images": "close images that are not needed",
  "read-unverified": "open the image with verify: false to read it lazily",
  "read-unverified-chunks": "open the image with verify: false to read it all the same",
  "without-index": "open the image with sociIndex: false to read its layers as they are",
  "use-attached": "open it with attachedIndex: true to look for one that is attached",
  "build-index": 'open the image with index: "build", which streams the layer once and keeps an index of it',
  "make-index": "build a SOCI index of the image",
  "convert-to-soci": "make an image that has a SOCI index with `npx ocipeek soci convert`",
  "convert-to-chunked": "convert the image to zstd:chunked (skopeo copy --dest-compress-format zstd:chunked)",
  "plain-reader": 'open the image with reader: "soci"',
  "other-build": "use an entry of the package that loads the module of the other formats",
  unpack: "unpack it first, and open the tar",
  "name-tag": "end the URL with a tag or digest: then a URL is a reference, https://HOST/REPOSITORY:TAG",
  "trust-token-host": "list it in tokenHosts if you trust it",
  "sign-in": "sign in",
  "try-later": "try again later",
};

/**
 * Every error of this package: a stable {@link code}, a sentence, what it concerns, and what would help.
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
  declare readonly reference: string | undefined;
  /** The blob it concerns. */
  declare readonly digest: string | undefined;
  /** The path in the image it concerns. */
  declare readonly path: string | undefined;
  /** The same as raw bytes. */
  declare readonly pathBytes: Uint8Array | undefined;
  /** The byte offset it concerns. */
  declare readonly offset: number | undefined;
  /** The exceeded limit, as {@link OpenOptions.limits} names it. */
  declare readonly limit: string | undefined;
  /** What that limit allows, where {@link what} is what is over it. */
  declare readonly allowed: number | undefined;
  /** What would help, each for itself. */
  readonly remedies: readonly Remedy[];
  /** The HTTP status that led here. */
  declare readonly status: number | undefined;
  /** Seconds that the registry asked to wait. */
  declare readonly retryAfter: number | undefined;

  /** What happened, without the code, what it concerns and what would help; where a limit is exceeded, what is over it. */
  readonly what: string;

  readonly #around: Around;

  /** An error of `code`. */
  constructor(code: ErrorCode, what: string, details: ErrorDetails = {}, around: Around = ["", ""]) {
    const { reference } = details;
    // With several images open, the message alone must tell which one it is.
    const image = reference === undefined || around[1].includes(reference) ? "" : ` [${reference}]`;
    super(
      `${code}: ${say(what, details, around, WORDS)}${image}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = code === "ABORTED" ? "AbortError" : "OcipeekError";
    this.code = code;
    // What does not concern it is no field: it would only be printed.
    for (const name of ABOUT) if (details[name] !== undefined) Object.assign(this, { [name]: details[name] });
    this.remedies = details.remedies ?? [];
    this.what = what;
    this.#around = around;
  }

  /** The message without its code, and with what would help in the words of another interface. */
  worded(words: RemedyWords): string {
    return say(this.what, this, this.#around, words);
  }
}

/** Parts of a message before and after the sentence, which say what it concerns. */
type Around = readonly [string, string];

function say(
  what: string,
  { limit, allowed, remedies = [] }: Pick<OcipeekError, "limit" | "allowed" | "remedies"> | ErrorDetails,
  [before, after]: Around,
  words: RemedyWords,
): string {
  const bound = allowed === undefined ? "" : ` is over the limit ${limit} = ${allowed}`;
  const help = remedies.flatMap(({ kind }) => words[kind] ?? []).join(", or ");
  return `${before}${what}${bound}${help && "; "}${help}${after}`;
}

/** `INVALID_ARGUMENT`, of the image `reference`. */
export function invalid(message: string, reference?: string): OcipeekError {
  return new OcipeekError("INVALID_ARGUMENT", message, { reference });
}

/** Whether an error has one of these codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is OcipeekError {
  return error instanceof OcipeekError && codes.includes(error.code);
}

/** Value of a promise; nothing where it is rejected with one of these codes. */
export function unless<T>(promise: Promise<T>, ...codes: ErrorCode[]): Promise<T | undefined> {
  return promise.catch((error: unknown) => {
    if (!hasCode(error, ...codes)) throw error;
    return undefined;
  });
}

/** The public error for what wasm rejected with, of the image `reference`; anything else stays what it is. */
export function fromWasm(raw: unknown, reference?: string): unknown {
  if (isLoss(raw)) return new OcipeekError("INTERNAL", raw.message, { cause: raw.cause, reference });
  if (!isRawError(raw)) return raw;
  const { code, what, path, ...rest } = raw;
  const details: ErrorDetails = { reference, ...rest, ...(path && { path: decode(path), pathBytes: path }) };
  const { digest, offset } = raw;
  const about = [raw.reference, digest, offset === undefined ? undefined : `offset ${offset}`];
  const after = about.map((it) => (it === undefined ? "" : ` [${it}]`)).join("");
  return new OcipeekError(code as ErrorCode, what, details, [path ? `"${escaped(path)}": ` : "", after]);
}

/** Names out of an image are an attacker's, and errors end up in terminals: ASCII, all else escaped as C does. */
function escaped(bytes: Uint8Array): string {
  const NAMED: Record<number, string> = { 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\" };
  const one = (byte: number) =>
    NAMED[byte] ??
    (byte < 32 || byte > 126 ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte));
  return Array.from(bytes, one).join("");
}

/** Whether this is what the glue throws once its instance has failed. */
function isLoss(raw: unknown): raw is Error {
  return raw instanceof Error && !(raw instanceof OcipeekError) && "code" in raw && raw.code === "INTERNAL";
}

/** Result of a call of wasm; its errors become public ones, of the image `reference`. */
export function calling<T>(call: () => T, reference?: string): T {
  try {
    return call();
  } catch (error) {
    throw fromWasm(error, reference);
  }
}

function isRawError(raw: unknown): raw is RawError {
  return typeof raw === "object" && raw !== null && !(raw instanceof Error) && "code" in raw;
}
