/** Gives up answers from which nothing comes any more, as the package does for what it reads itself. @module */
import type { FetchInit, FetchResponse } from "ocipeek";

/** Milliseconds; as the package's `maxIdleMs`. */
const MAX_IDLE_MS = 30_000;

/** What `use` makes of an answer: given up, with a `TypeError` as of `fetch`, where head or body stop for so long. */
export async function watched<T>(
  ask: (init: Pick<FetchInit, "signal">) => Promise<FetchResponse>,
  signal: AbortSignal,
  use: (answer: FetchResponse) => Promise<T>,
  ms: number = MAX_IDLE_MS,
): Promise<T> {
  const own = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let fail: (error: unknown) => void = () => {};
  const idle = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const beat = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const error = new TypeError(`no bytes for ${ms} ms`);
      own.abort(error);
      fail(error);
    }, ms);
  };
  const work = async (): Promise<T> => {
    const answer = await ask({ signal: AbortSignal.any([signal, own.signal]) });
    beat();
    const { status, headers, url, type } = answer;
    const body = answer.body as ReadableStream<Uint8Array> | null;
    const seen = body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller) => {
          beat();
          controller.enqueue(piece);
        },
      }),
    );
    return use({
      status,
      headers,
      body: seen ?? null,
      ...(url === undefined ? {} : { url }),
      ...(type === undefined ? {} : { type }),
    });
  };
  beat();
  const done = work();
  // Where it was given up, what it fails with is nobody's.
  done.catch(() => {});
  try {
    return await Promise.race([done, idle]);
  } finally {
    clearTimeout(timer);
    idle.catch(() => {});
  }
}
