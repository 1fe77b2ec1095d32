/** A cache that reading waits for only so long, and writing not at all. @module */
import { writerOf } from "./cache-writer.js";
import { Patience } from "./common/patience.js";
import type { Cache } from "./types/index.js";

/** Milliseconds that a cache may take to answer, unless `limits.maxCacheMs` says otherwise. */
const MAX_CACHE_MS = 3_000;

/** Options of {@link timely}. */
interface TimelyOptions {
  /** Milliseconds that the cache may take; 0 waits for ever. */
  ms?: number | undefined;
  /** Whether a write is waited for: on an edge nothing goes on that no request waits for. */
  waits?: boolean;
}

/**
 * The cache, as the reader of one image asks it. Whatever has no answer after `ms` is as if it were absent; a cache for which
 * that is so again and again is not asked any more. What is to be kept is written beside reading, and found meanwhile.
 */
export function timely(cache: Cache, { ms = MAX_CACHE_MS, waits = false }: TimelyOptions = {}): Cache {
  const reads = new Patience(ms);
  const writes = new Patience(ms);
  const writer = waits ? undefined : writerOf(cache);
  // Nobody will read it where reading has been given up.
  const write = (key: string, value: Uint8Array) => (): unknown =>
    reads.isOver ? undefined : writes.wait(() => cache.put(key, value));
  const guarded: Cache = {
    get: (key) => writer?.get(key) ?? reads.wait(() => cache.get(key)),
    put: async (key, value) => {
      await (writer ? writer.put(key, value, write(key, value)) : write(key, value)());
    },
  };
  // What it can do shows by what it has.
  if (typeof cache.getRange === "function") {
    guarded.getRange = (key, start, end) =>
      writer?.get(key)?.subarray(start, end) ?? reads.wait(() => cache.getRange?.(key, start, end));
  }
  return guarded;
}
