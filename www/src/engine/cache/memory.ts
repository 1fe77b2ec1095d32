/** The local cache in memory. @module */
import type { Cache as ByteCache } from "ocipeek";
import { BoundedMap } from "../../../../js/common/bounded-map.ts";
import type { CacheState } from "../../protocol/api.ts";

/** What is in memory is kept so far. */
const MAX_MEMORY_BYTES = 64 << 20;

/** A cache that can be looked at and cleared. */
export interface EngineCache extends ByteCache {
  state(): Promise<CacheState>;
  clear(): Promise<void>;
}

/** In memory, the least recently used going first. */
export class BoundedMemory implements EngineCache {
  readonly #entries: BoundedMap<string, Uint8Array>;
  readonly #maxBytes: number;

  constructor(maxBytes: number = MAX_MEMORY_BYTES) {
    this.#maxBytes = maxBytes;
    this.#entries = new BoundedMap(maxBytes, (value) => value.length);
  }

  get(key: string): Uint8Array | undefined {
    return this.#entries.use(key);
  }

  put(key: string, value: Uint8Array): void {
    if (value.length > this.#maxBytes / 2) this.#entries.delete(key);
    else this.#entries.set(key, value);
  }

  async state(): Promise<CacheState> {
    const { size, weight } = this.#entries;
    return { kind: "memory", entries: size, bytes: weight, maxBytes: this.#maxBytes };
  }

  async clear(): Promise<void> {
    this.#entries.clear();
  }
}
