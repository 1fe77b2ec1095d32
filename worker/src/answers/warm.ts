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
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** Costs of an answer for which nothing was asked or read. */
const NOTHING = { requests: 0, bytes: 0, cacheHits: 0, inflated: 0 };

/** What this costs, in words of the answer's head; see `RequestScope.costHeaders`. */
const COST_HEADERS = {
  "server-timing": "kept;dur=0, total;dur=0",
  "x-ocipeek-requests": "0",
  "x-ocipeek-bytes": "0",
  "x-ocipeek-cache-hits": "0",
};

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
  if (head.headers.vary?.includes("origin") && headers.get("origin") !== null) return undefined;
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
  const described = status === 304 ? head.unchanged : { ...head.headers, ...rangeHeaders(head.size, range) };
  const scope = { id, sent: body?.length ?? 0, leftOut: 0, cost: () => NOTHING, elapsed: () => 0 };
  record(ports, scope, { method, route: { kind: "tree", image: head.image }, status }, undefined);
  return { status, headers: { ...described, ...COST_HEADERS, "x-request-id": id }, body };
}
