/** Gives up answers from which nothing comes any more, as the library does for what it reads itself. @module */
import type { Fetch, FetchResponse } from "ocipeek";
import { HttpError } from "../errors.ts";

/** Milliseconds, unless `OCIPEEK_LIBRARY_LIMITS.maxIdleMs` says otherwise. */
const MAX_IDLE_MS = 30_000;

/** The same `fetch`, which waits only so long for an answer's head, and for each piece of its body. 0 is for ever. */
export function watching(fetch: Fetch, ms: number = MAX_IDLE_MS): Fetch {
  if (ms === 0) return fetch;
  return async (url, init) => {
    const { host } = new URL(url);
    const own = new AbortController();
    const late = (): HttpError => {
      const error = new HttpError("TIMEOUT", `${host} sent nothing for ${ms} ms, the limit maxIdleMs`);
      own.abort(error);
      return error;
    };
    const signal = AbortSignal.any([init.signal, own.signal]);
    const response = await within(fetch(url, { ...init, signal }), ms, late);
    const body = response.body as ReadableStream<Uint8Array> | null;
    return body ? withBody(response, watched(body, ms, late)) : response;
  };
}

function withBody(response: FetchResponse, body: ReadableStream<Uint8Array>): FetchResponse {
  const { status, headers, url, type } = response;
  return { status, headers, body, ...(url ? { url } : {}), ...(type ? { type } : {}) };
}

function watched(
  body: ReadableStream<Uint8Array>,
  ms: number,
  late: () => HttpError,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const leave = (reason: unknown): void => void reader.cancel(reason).catch(() => {});
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await within(reader.read(), ms, late);
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          leave(error);
          throw error;
        }
      },
      cancel: leave,
    },
    // Asked for when somebody waits: a slow caller costs the registry nothing.
    { highWaterMark: 0 },
  );
}

async function within<T>(promise: Promise<T>, ms: number, late: () => HttpError): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const idle = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([promise, idle]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}
