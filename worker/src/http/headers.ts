/** HTTP semantics (RFC 9110, 9111): ranges, conditions, caching, and what keeps images' bytes harmless. @module */
import { concat } from "../../../js/common/bytes.ts";
import { sha256 } from "../../../js/common/hex.ts";
import { HttpError } from "../errors.ts";

/** Says in ETags how bodies are made; changed when that changes. */
const FORM = "2";

/** Headers of a request, as far as they are read here. */
export type HeaderReader = Pick<Headers, "get">;

/** A part of a file: the first byte, and the first one not. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * A strong ETag of what determines a body. A tag is never among it, so that a moved tag is a changed ETag and an
 * unchanged file below a moved tag an unchanged one.
 */
export async function etagOf(...parts: (string | Uint8Array)[]): Promise<string> {
  const encoder = new TextEncoder();
  const pieces = [FORM, ...parts].map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  // Each part with its length in front: no two lists give the same bytes.
  const sized = pieces.flatMap((piece) => {
    const { length: n } = piece;
    return [Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n), piece];
  });
  return `"${(await sha256(concat(sized))).slice(0, 32)}"`;
}

/** The entity tags of `If-Match` or `If-None-Match`: `*`, or tags with their `W/`. */
function entityTags(header: string): "*" | string[] {
  if (header.trim() === "*") return "*";
  return header.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? [];
}

/**
 * What the conditions of a request come to (RFC 9110, 13.2.2): `304`, `412`, or go on.
 *
 * `If-Modified-Since` counts only where `immutable`: dates in images are often one constant for all builds, so that
 * below a tag an equal date does not mean equal content.
 */
export function precondition(
  headers: HeaderReader,
  etag: string,
  lastModified: Date | undefined,
  immutable: boolean,
): 304 | 412 | undefined {
  const match = headers.get("if-match");
  if (match !== null) {
    const tags = entityTags(match);
    if (tags !== "*" && !tags.includes(etag)) return 412;
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) {
    const tags = entityTags(noneMatch);
    // Weak comparison: `W/` does not count.
    return tags === "*" || tags.some((tag) => tag.replace(/^W\//, "") === etag) ? 304 : undefined;
  }
  const ifSince = headers.get("if-modified-since");
  if (ifSince === null) return undefined;
  const since = Date.parse(ifSince);
  const seconds = Math.floor((lastModified?.getTime() ?? Number.NaN) / 1000);
  return immutable && seconds * 1000 <= since ? 304 : undefined;
}

/**
 * The part that a GET asks for. Nothing where the whole file is to be sent: no range, several, one that is not
 * understood, or an `If-Range` that does not hold; a date there never does, see {@link precondition}.
 * @throws {@link HttpError} `RANGE_NOT_SATISFIABLE`
 */
export function rangeOf(headers: HeaderReader, etag: string, size: number): Range | undefined {
  const header = headers.get("range");
  if (header === null) return undefined;
  const ifRange = headers.get("if-range");
  if (ifRange !== null && ifRange.trim() !== etag) return undefined;
  const match = /^bytes[ \t]*=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header.trim());
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Number(last);
    if (length === 0) throw unsatisfiable(size);
    // Nothing can be said of a part of nothing: Content-Range has no form for it.
    if (size === 0) return undefined;
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (last !== "" && BigInt(last) < BigInt(first)) return undefined;
  if (start >= size) throw unsatisfiable(size);
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

/** Headers of the body of an answer about a file of `size` bytes: all of it, or a part. */
export function rangeHeaders(size: number, range: Range | undefined): Record<string, string> {
  if (!range) return { "content-length": String(size) };
  const { start, end } = range;
  return { "content-length": String(end - start), "content-range": `bytes ${start}-${end - 1}/${size}` };
}

function unsatisfiable(size: number): HttpError {
  return new HttpError("RANGE_NOT_SATISFIABLE", `the file has ${size} bytes`, {
    headers: { "content-range": `bytes */${size}` },
  });
}

/** A file's date for `Last-Modified`; none where it is unknown, before 1970, or in the future (RFC 9110, 8.8.2.1). */
export function lastModified(mtimeMs: number, now: number): Date | undefined {
  return mtimeMs >= 0 && mtimeMs <= now ? new Date(mtimeMs) : undefined;
}

/** Whether `Accept` prefers the second type to the first, which wins where both are alike. */
export function prefersSecond(accept: string | null, first: string, second: string): boolean {
  return quality(accept, second) > quality(accept, first);
}

/** The weight of a media type (RFC 9110, 12.5.1): the most specific range that matches decides. */
function quality(accept: string | null, type: string): number {
  if (accept === null || accept.trim() === "") return 1;
  let best = { specific: -1, q: 0 };
  for (const item of accept.split(",").slice(0, 64)) {
    const [range = "", ...params] = item.split(";").map((part) => part.trim().toLowerCase());
    const [major] = type.split("/");
    const specific = range === type ? 2 : range === `${major}/*` ? 1 : range === "*/*" ? 0 : -1;
    const weight = Number(params.find((param) => param.startsWith("q="))?.slice(2) ?? 1);
    const q = weight >= 0 && weight <= 1 ? weight : 0;
    if (specific >= 0 && (specific > best.specific || (specific === best.specific && q > best.q))) {
      best = { specific, q };
    }
  }
  return best.q;
}

/** Headers of every answer that may hold bytes, names or words out of an image. */
export const SAFE: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; sandbox",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
};
