/** One exchange with a server: watched, so that it ends where nothing comes or goes any more. @module */

import { onAbort } from "../common/on-abort.js";
import { MAX_IDLE_MS, Watch } from "../common/watch.js";
import { OcipeekError } from "../errors.js";
import type { Fetch, FetchInit } from "../types/index.js";

/** Bytes a millisecond that a network takes at least: what is sent out of sight has so much more time. */
const SLOWEST = 64;
/** Bytes a millisecond that a registry hashes and moves at least, before it answers to the end of an upload. */
const SLOWEST_WORK = 16_384;
/** Smaller bodies go in one piece. */
const STREAMED = 1 << 20;
/** Bytes that are handed over at a time: each is a sign of life. */
const PIECE = 64 << 10;
/** Bytes that the system takes before they are on their way. */
const BUFFERED = 4 << 20;

/** The head of an answer, and its body, which is read by the caller, or cancelled. */
export interface Exchanged {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Where it came from: the URL that was asked, or where the platform was led to. */
  readonly url: string;
  /** `cors` where a platform may hide headers. */
  readonly type: string | undefined;
}

/** One exchange. */
export interface Exchange {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer> | undefined;
  signal?: AbortSignal | undefined;
  redirect: FetchInit["redirect"];
  /** Bytes that the registry has to go through before it can answer. */
  work?: number | undefined;
}

/** How exchanges are made. */
export interface TransferOptions {
  fetch: Fetch;
  /** Milliseconds without any bytes; 0 waits for ever. */
  maxIdleMs?: number | undefined;
  /** Whether `fetch` takes streams as they are taken from it: then it shows whether a body still goes out. */
  streams?: boolean | undefined;
}

/**
 * Sends a request. A body that goes out slowly is waited for, one that does not go out any more is not.
 * @throws {@link OcipeekError} `NETWORK` where nothing comes or goes any more, or `ABORTED`; or what the platform throws
 */
export async function transfer(out: Exchange, options: TransferOptions): Promise<Exchanged> {
  const { signal, body, work = 0 } = out;
  const { host } = new URL(out.url);
  const { maxIdleMs = MAX_IDLE_MS } = options;
  const own = new AbortController();
  const stop = (): void => own.abort(signal?.reason);
  const watch = new Watch(maxIdleMs, () => {
    const why = `no bytes to or from ${host} for ${maxIdleMs} ms, the limit maxIdleMs`;
    const error = new OcipeekError("NETWORK", `${why}`, { limit: "maxIdleMs" });
    own.abort(error);
    return error;
  });
  const unlink = onAbort(signal, stop);
  const working = work / SLOWEST_WORK;
  const size = body?.byteLength ?? 0;
  const isStreamed = options.streams === true && size >= STREAMED;
  watch.beat(working + (isStreamed ? 0 : size / SLOWEST));
  const init: FetchInit = {
    method: out.method,
    headers: out.headers,
    redirect: out.redirect,
    signal: own.signal,
    credentials: "omit",
    cache: "no-store",
  };
  if (body && isStreamed) {
    init.headers = { ...out.headers, "content-length": String(size) };
    init.duplex = "half";
    init.body = pieces(body, (isLast) => watch.beat(isLast ? working + BUFFERED / SLOWEST : 0));
  } else if (body) init.body = body;
  try {
    const answer = await watch.over(options.fetch(out.url, init));
    const { status, url, type } = answer;
    if (type === "opaqueredirect") {
      throw new TypeError("the platform hides where a redirect leads to");
    }
    const stream = answer.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
    return {
      status,
      headers: new Headers(answer.headers as Headers),
      // The signal is the caller's until the body is through.
      body: stream && watch.body(stream, unlink),
      url: url || out.url,
      type,
    };
  } catch (cause) {
    unlink();
    if (signal?.aborted) {
      throw new OcipeekError("ABORTED", "stopped by the caller", { cause: signal.reason });
    }
    throw cause;
  }
}

/** Lets a body go that nobody reads. */
export async function discard(answer: { readonly body: object | null } | undefined): Promise<void> {
  await (answer?.body as ReadableStream | null | undefined)?.cancel().catch(() => {});
}

/** Bytes as a stream, of which it is told how far it was taken. */
function pieces(
  bytes: Uint8Array<ArrayBuffer>,
  onTaken: (isLast: boolean) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const piece = bytes.slice(at, at + PIECE);
        at += piece.byteLength;
        controller.enqueue(piece);
        onTaken(at === bytes.byteLength);
        if (at === bytes.byteLength) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
