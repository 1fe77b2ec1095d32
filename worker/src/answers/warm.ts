/** Answers out of what is kept of files, made at once. @module */
import { precondition, type Range, rangeHeaders, rangeOf } from "../http/headers.ts";
import type { Ports } from "../ports.ts";
import { record } from "../request/log.ts";
import { requestId } from "../request/request-id.ts";
import type { Tags } from "../request/tags.ts";
import type { FileHead, KeptFiles } from "./kept-files.ts";

/** A request, as far as it is looked at here. */
export interface Asked {
  readonly method: string;
  /** The URL, or the request's target, as it was sent. */
  readonly target: string;
  /** Its headers. */
  readonly headers: Pick<Headers, "get">;
}

/** An answer as plain data. */
export interface PlainAnswer {
  readonly status: number;
  /** Headers that many answers have in common: the same object each time. */
  readonly common: Readonly<Record<string, string>>;
  /** Headers of this one besides. */
  readonly own: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** Costs of an answer for which nothing was asked or read. */
const NOTHING = { requests: 0, bytes: 0, cacheHits: 0, inflated: 0 };

/** The answer, where what is kept is enough for it; else nothing, and the request is to be answered as any other. */
export function warmAnswer(
  { method, target, headers }: Asked,
  ports: Ports,
  kept: KeptFiles,
  tags: Tags,
): PlainAnswer | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const head = kept.head(target);
  if (!head) return undefined;
  const { image, etag, size, lastModified, isPinned } = head;
  if ((image.digest ?? tags.known(image)) !== head.digest) return undefined;
  // What a caller's own credentials open is for the registry to say.
  if (ports.config.passAuthorization && headers.get("authorization") !== null) return undefined;
  // Where its headers depend on the page that asks, they were made for none.
  if (head.whole.vary?.includes("origin") && headers.get("origin") !== null) return undefined;
  const outcome = precondition(headers, etag, lastModified, isPinned);
  // An error, which is worded elsewhere.
  if (outcome === 412) return undefined;
  let status = outcome ?? 200;
  let range: Range | undefined;
  let body: PlainAnswer["body"] = null;
  if (status === 200 && method === "GET") {
    try {
      range = rangeOf(headers, etag, size);
    } catch {
      return undefined;
    }
    if (range) status = 206;
    const { start, end } = range ?? { start: 0, end: size };
    body = kept.content(head, start, end) ?? null;
    if (!body && size > 0) return undefined;
  }
  return told({ method, headers }, head, ports, { status, range, body });
}

/** The answer with its headers, and its line in the log. */
function told(
  { method, headers }: Pick<Asked, "method" | "headers">,
  head: FileHead,
  ports: Ports,
  { status, range, body }: Pick<PlainAnswer, "status" | "body"> & { range: Range | undefined },
): PlainAnswer {
  const id = requestId(headers);
  const scope = { id, sent: body?.length ?? 0, leftOut: 0, cost: () => NOTHING, elapsed: () => 0 };
  record(ports, scope, { method, route: { kind: "tree", image: head.image }, status }, undefined);
  const own = { ...(range ? rangeHeaders(head.size, range) : {}), "x-request-id": id };
  return { status, common: status === 304 ? head.unchanged : range ? head.part : head.whole, own, body };
}

/** Headers of the platform that were made of common ones. */
const made = new WeakMap<PlainAnswer["common"], Headers>();

/** The answer as one of the platform's. */
export function responseOf({ status, common, own, body }: PlainAnswer): Response {
  const shared = made.get(common) ?? new Headers(common);
  made.set(common, shared);
  // A copy is made inside the platform; from a record each name and value would be taken over one by one.
  const headers = new Headers(shared);
  for (const name in own) headers.set(name, own[name] as string);
  return new Response(body, { status, headers });
}

const WANTED = new Set([
  ...["authorization", "cf-ray", "host", "origin", "range", "if-range"],
  ...["if-match", "if-none-match", "if-modified-since"],
]);

/** The headers that are read here, of which a request mostly has few: asking the platform for each would take longer. */
export function fewHeaders(headers: Headers): Asked["headers"] {
  const few = new Map<string, string | null>();
  for (const name of headers.keys()) if (WANTED.has(name)) few.set(name, headers.get(name));
  return { get: (name) => few.get(name) ?? null };
}
