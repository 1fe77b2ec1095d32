/** A cache that is waited for only so long. @module */
import type { Cache } from "./types/index.js";

/** Milliseconds that a cache may take to answer, unless `limits.maxCacheMs` says otherwise. */
const MAX_CACHE_MS = 3_000;
/** Times that a cache is too late, one after the other, before it is not asked any more. */
const MAX_LATE = 2;
/** Turns of the queue of microtasks in which what is at hand answers: it costs no timer. */
const TURNS = 16;

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

/** How long one kind of call is waited for, and whether it still is. */
class Patience {
  readonly #ms: number;
  /** Times in a row that there was no answer; calls of the same time count once. */
  #late = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  get isOver(): boolean {
    return this.#late >= MAX_LATE;
  }

  /** What `call` gives, or nothing where that takes too long. */
  async wait<T>(call: () => Promise<T> | T): Promise<T | undefined> {
    if (this.isOver) return undefined;
    const answer = Promise.resolve(call());
    const before = this.#late;
    let isThere = false;
    const arrive = (): void => {
      isThere = true;
      this.#late = 0;
    };
    answer.then(arrive, arrive);
    for (let turn = 0; turn < TURNS && !isThere; turn++) await undefined;
    if (isThere) return answer;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.#late = Math.max(this.#late, before + 1);
        resolve(undefined);
      }, this.#ms);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
