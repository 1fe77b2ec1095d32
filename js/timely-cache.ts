/** A cache that is waited for only so long. @module */
import { Patience } from "./common/patience.js";
import type { Cache } from "./types/index.js";

/** Milliseconds that a cache may take to answer, unless `limits.maxCacheMs` says otherwise. */
const MAX_CACHE_MS = 3_000;

/**
 * The cache, as the reader of one image asks it. Whatever has no answer after `ms` (0 waits for ever) is as if it were
 * absent; a cache for which that is so again and again is not asked any more.
 */
export function timely(cache: Cache, ms: number = MAX_CACHE_MS): Cache {
  if (ms === 0) return cache;
  const reads = new Patience(ms);
  const writes = new Patience(ms);
  const guarded: Cache = {
    get: (key) => reads.wait(() => cache.get(key)),
    // Nobody will read it where reading has been given up.
    put: (key, value) => (reads.isOver ? undefined : writes.wait(() => cache.put(key, value))),
  };
  // What it can do shows by what it has.
  if (typeof cache.getRange === "function") {
    guarded.getRange = (key, start, end) => reads.wait(() => cache.getRange?.(key, start, end));
  }
  return guarded;
}
