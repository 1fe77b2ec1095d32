/** Gives up answers from which nothing comes any more, as the library does for what it reads itself. @module */
import type { Fetch } from "ocipeek";
import { MAX_IDLE_MS, Watch } from "../../../js/common/watch.ts";
import { HttpError } from "../errors.ts";

/**
 * The same `fetch`, which waits only so long for an answer's head, and for each piece of its body: unless
 * `OCIPEEK_LIBRARY_LIMITS.maxIdleMs` says otherwise, 30 s. 0 is for ever.
 */
export function watching(fetch: Fetch, ms: number = MAX_IDLE_MS): Fetch {
  if (ms === 0) return fetch;
  return async (url, init) => {
    const own = new AbortController();
    const watch = new Watch(ms, () => {
      const { host } = new URL(url);
      const error = new HttpError("TIMEOUT", `${host} sent nothing for ${ms} ms, the limit maxIdleMs`);
      own.abort(error);
      return error;
    });
    const signal = AbortSignal.any([init.signal, own.signal]);
    return watch.answer(await watch.over(fetch(url, { ...init, signal })));
  };
}
