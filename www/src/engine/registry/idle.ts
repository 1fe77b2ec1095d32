/** Gives up answers from which nothing comes any more, as the package does for what it reads itself. @module */
import type { FetchInit, FetchResponse } from "ocipeek";
import { MAX_IDLE_MS, Watch } from "../../../../js/common/watch.ts";

/** What `use` makes of an answer: given up, with a `TypeError` as of `fetch`, where head or body stop for so long. */
export async function watched<T>(
  ask: (init: Pick<FetchInit, "signal">) => Promise<FetchResponse>,
  signal: AbortSignal,
  use: (answer: FetchResponse) => Promise<T>,
  ms: number = MAX_IDLE_MS,
): Promise<T> {
  const own = new AbortController();
  const watch = new Watch(ms, () => {
    const error = new TypeError(`no bytes for ${ms} ms`);
    own.abort(error);
    return error;
  });
  return use(watch.answer(await watch.over(ask({ signal: AbortSignal.any([signal, own.signal]) }))));
}
