/** The proxied part of a registry's answer: names from a list, values that are checked. @module */

import type { RegistryAnswer, RegistryFetch } from "ocipeek";
import { concat } from "../../../js/common/bytes.ts";
import { defined } from "../../../js/common/defined.ts";
import { hex } from "../../../js/common/hex.ts";
import { textOf } from "../../../js/common/json.ts";
import type { Config } from "../config/config.ts";
import { brokeOff, HttpError } from "../errors.ts";
import { wholeAnswer } from "../http/answer.ts";
import { SAFE } from "../http/headers.ts";
import type { Sharing } from "../http/sharing.ts";
import type { Registry } from "../registry/access.ts";
import { type ApiPath, formatApiPath, isDigest, parseApiPath } from "../registry/api-path.ts";

/** A request to the API, understood. */
export interface ApiRequest {
  readonly registry: Registry;
  readonly path: ApiPath;
  /** With its `?`, or empty. */
  readonly query: string;
  /** It came with credentials of the caller. */
  readonly isPrivate: boolean;
  /** What it asks for is named by a digest. */
  readonly isPinned: boolean;
}

/** What an answer is made with. */
export interface AnswerContext {
  readonly config: Config;
  readonly api: ApiRequest;
  readonly request: Request;
  /** The repository's client. */
  readonly fetch: RegistryFetch;
  readonly sharing: Sharing;
}

/** What pages may read. `WWW-Authenticate` is not among it: signing in is done here, a page has no part in it. */
const EXPOSED = [
  "Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, ETag, Link, OCI-Filters-Applied",
  "Retry-After, X-Ocipeek-Error, X-Request-Id",
].join(", ");

/** Headers that pass, each with the form that its value must have. */
const PASSED: Readonly<Record<string, RegExp>> = {
  "accept-ranges": /^(?:bytes|none)$/,
  "content-range": /^bytes (?:\d{1,16}-\d{1,16}|\*)\/(?:\d{1,16}|\*)$/,
  "docker-content-digest": /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/,
  "docker-distribution-api-version": /^registry\/2\.0$/,
  etag: /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/,
  "last-modified": /^[A-Za-z0-9,: +-]{1,64}$/,
  "oci-filters-applied": /^[A-Za-z0-9, ]{1,128}$/,
  "retry-after": /^[A-Za-z0-9,: +-]{1,64}$/,
};

const JSON_TYPE = /^application\/(?:vnd\.[A-Za-z0-9.+-]{1,120}\+)?json$/;
const MAX_MANIFEST = 4 << 20;
const MAX_ERROR = 8 << 10;

/** The answer to `GET /v2/`. */
export function pingAnswer(method: string, sharing: Sharing): Response {
  return wholeAnswer({ method }, "{}", {
    ...SAFE,
    ...sharing.headers([], EXPOSED),
    "content-type": "application/json",
    "cache-control": sharing.cacheControl(false, 3600),
    "docker-distribution-api-version": "registry/2.0",
  });
}

/**
 * A manifest: read whole and hashed, for what a digest names is kept for long by everybody on the way.
 * @throws HttpError `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`
 */
export async function manifestAnswer(response: RegistryAnswer, context: AnswerContext): Promise<Response> {
  const { reference } = context.api.path;
  const bytes = await readUpTo(response, MAX_MANIFEST);
  if (bytes === undefined) {
    const why = `the manifest has more than ${MAX_MANIFEST} bytes`;
    throw new HttpError("LIMIT_EXCEEDED", why, { status: 502 });
  }
  const upstream = response.headers;
  const said = upstream.has("content-encoding") ? null : upstream.get("content-length");
  // What a tag names is known by nothing else: half of it would be passed on as the whole.
  if (said !== null && Number(said) !== bytes.length) brokeOff(undefined);
  const digest = await digestOf(bytes, isDigest(reference) ? reference : "sha256:");
  if (isDigest(reference) && digest !== reference) {
    throw new HttpError("DIGEST_MISMATCH", "the registry sent a manifest whose bytes do not have its digest");
  }
  const headers = answerHeaders(response, context);
  headers.set("docker-content-digest", digest);
  headers.set("content-length", String(bytes.length));
  return new Response(bytes, { status: 200, headers });
}

/** Every other answer: streamed as it comes, or the error that it is. */
export async function passedAnswer(response: RegistryAnswer, context: AnswerContext): Promise<Response> {
  const { status } = response;
  const { api, request, config } = context;
  if (status === 304) {
    await discard(response);
    return new Response(null, { status, headers: answerHeaders(response, context) });
  }
  if (status !== 200 && status !== 206) return failure(response, context);
  const headers = answerHeaders(response, context);
  const length = Number(headers.get("content-length") ?? 0);
  const isHead = request.method === "HEAD";
  if (!isHead && length > config.limits.maxFetchedBytes) {
    await discard(response);
    const most = config.limits.maxFetchedBytes;
    throw new HttpError(
      "LIMIT_EXCEEDED",
      `the answer has more than maxFetchedBytes = ${most}; ask for a Range`,
    );
  }
  if (isHead) await discard(response);
  if (status === 206 && api.path.kind !== "blob") {
    throw new HttpError("NETWORK", "the registry sent a part of what was asked for whole");
  }
  return new Response(isHead ? null : response.body, { status, headers });
}

function answerHeaders(response: RegistryAnswer, context: AnswerContext): Headers {
  const { api, sharing } = context;
  const upstream = response.headers;
  const headers = new Headers({
    ...SAFE,
    ...sharing.headers(api.path.kind === "blob" ? [] : ["accept"], EXPOSED),
  });
  for (const [name, form] of Object.entries(PASSED)) {
    const value = upstream.get(name);
    if (value !== null && form.test(value)) headers.set(name, value);
  }
  // Of an encoded body the platform has changed the length.
  const length = upstream.get("content-length");
  if (length !== null && /^\d{1,16}$/.test(length) && !upstream.has("content-encoding")) {
    headers.set("content-length", length);
  }
  const type = upstream.get("content-type")?.split(";")[0]?.trim() ?? "";
  if (api.path.kind !== "blob" && JSON_TYPE.test(type)) headers.set("content-type", type);
  else headers.set("content-type", "application/octet-stream");
  if (api.path.kind === "blob") headers.set("content-disposition", "attachment");
  const link = rewrittenLink(response, context);
  if (link) headers.set("link", link);
  headers.set("cache-control", api.isPrivate ? "private, no-store" : sharing.cacheControl(api.isPinned));
  return headers;
}

/** The path of a list's next page, below this worker. The client has checked its host. */
function rewrittenLink({ next }: RegistryAnswer, { api }: AnswerContext): string | undefined {
  if (next === undefined || (api.path.kind !== "tags" && api.path.kind !== "referrers")) return undefined;
  const target = new URL(next);
  const path = parseApiPath(target.pathname.replace(/^\/v2\//, ""));
  // The next page is one of the same list; a query is all that it changes.
  const isSame = path && formatApiPath(path) === formatApiPath(api.path);
  if (!isSame || !/^[\x21-\x7e]{0,2048}$/.test(target.search)) {
    throw new HttpError("HOST_NOT_ALLOWED", "a list of the registry goes on at another place; refused");
  }
  const search = target.search.replace(/[<>"]/g, encodeURIComponent);
  return `</-/v2/${api.registry.name}/${formatApiPath(path)}${search}>; rel="next"`;
}

/** Statuses that clients of the distribution API act on, with the code where the registry names none. */
const FAILURES: Readonly<Record<number, string>> = {
  400: "UNSUPPORTED",
  404: "NOT_FOUND",
  405: "UNSUPPORTED",
  406: "UNSUPPORTED",
  410: "NOT_FOUND",
  412: "UNSUPPORTED",
  416: "RANGE_INVALID",
  429: "TOOMANYREQUESTS",
};

/**
 * An answer that is a failure: in the form of the distribution API where a client acts on the status.
 * @throws HttpError where it is not the caller's to act on
 */
async function failure(response: RegistryAnswer, context: AnswerContext): Promise<Response> {
  const { status, isHome } = response;
  const { request, fetch } = context;
  const fallback = FAILURES[status];
  if (fallback === undefined) {
    const late = status === 408 || status === 504;
    if (isHome && !late) throw await fetch.failure(response, "the registry");
    await discard(response);
    const who = isHome ? "the registry" : "the registry's storage";
    throw new HttpError(late ? "TIMEOUT" : "NETWORK", `${who} answers with HTTP ${status}`);
  }
  const said = isHome ? await message(response) : undefined;
  if (!isHome) await discard(response);
  const headers = answerHeaders(response, context);
  for (const name of ["etag", "last-modified", "docker-content-digest", "link", "content-disposition"]) {
    headers.delete(name);
  }
  const error = { code: said?.code ?? fallback, message: said?.message ?? `HTTP ${status}` };
  const text = `${JSON.stringify({ errors: [error] })}\n`;
  headers.set("content-type", "application/json");
  headers.set("content-length", String(new TextEncoder().encode(text).length));
  headers.set("cache-control", "no-store");
  headers.set("x-ocipeek-error", error.code);
  return new Response(request.method === "HEAD" ? null : text, { status, headers });
}

/** The first error of a registry's answer (distribution specification, "Error Codes"), in plain characters. */
async function message(response: RegistryAnswer): Promise<{ code?: string; message?: string } | undefined> {
  const bytes = await readUpTo(response, MAX_ERROR).catch(() => undefined);
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(bytes)) as { errors: Record<string, unknown>[] };
    const [first] = errors;
    const code = /^[A-Z_]{1,64}$/.exec(textOf(first?.code) ?? "")?.[0];
    const plain = textOf(first?.message)
      ?.replace(/[^\x20-\x7e]/g, " ")
      .slice(0, 300);
    return defined({ code, message: plain });
  } catch {
    return undefined;
  }
}

/** Lets a body go that nobody reads. */
export async function discard({ body }: RegistryAnswer): Promise<void> {
  await body?.cancel().catch(() => {});
}

/** A whole body; nothing where it has more bytes than that. */
async function readUpTo(
  { body }: RegistryAnswer,
  most: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = (await reader?.read().catch(brokeOff)) ?? { done: true, value: undefined };
    if (done || !value) break;
    length += value.length;
    if (length > most) {
      await reader?.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(value);
  }
  return concat(chunks);
}

/** The digest of bytes by the algorithm of `like`. */
async function digestOf(bytes: Uint8Array<ArrayBuffer>, like: string): Promise<string> {
  const [algorithm = ""] = like.split(":");
  const name = algorithm === "sha512" ? "SHA-512" : "SHA-256";
  const hash = new Uint8Array(await crypto.subtle.digest(name, bytes));
  return `${algorithm}:${hex(hash)}`;
}
