/** The first tier: this isolate's memory. @module */
import { MemoryCache } from "ocipeek";
import { isContent, type Tier } from "./tier.ts";

/** One value may not push out everything else. */
const LARGEST_SHARE = 4;

/** Keeps the last used values, and the last used parts of values, up to a size. */
export class MemoryTier implements Tier {
  readonly isMemory = true;
  readonly #cache: MemoryCache;
  readonly #largest: number;

  /** Keeps `maxBytes` at most. */
  constructor(maxBytes: number) {
    this.#cache = new MemoryCache({ maxBytes });
    this.#largest = maxBytes / LARGEST_SHARE;
  }

  get(key: string): Uint8Array | undefined {
    return this.#cache.get(key);
  }

  getRange(key: string, start: number, end: number): Uint8Array | undefined {
    return this.#cache.get(partKey(key, start, end)) ?? this.#cache.get(key)?.subarray(start, end);
  }

  put(key: string, value: Uint8Array): void {
    // What another isolate may have changed meanwhile is not kept here: whoever reads it remembers it for a time.
    if (isContent(key) && value.byteLength <= this.#largest) this.#cache.put(key, value);
  }

  putRange(key: string, start: number, end: number, part: Uint8Array): void {
    if (isContent(key) && part.byteLength <= this.#largest) this.#cache.put(partKey(key, start, end), part);
  }
}

function partKey(key: string, start: number, end: number): string {
  return `${key} ${start}-${end}`;
}
