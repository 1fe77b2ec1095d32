/** The local cache in memory. @module */
import type { Cache as ByteCache } from "ocipeek";
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
  readonly #entries = new Map<string, Uint8Array>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = MAX_MEMORY_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#entries.get(key);
    if (!value) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  put(key: string, value: Uint8Array): void {
    this.#drop(key);
    if (value.length > this.#maxBytes / 2) return;
    this.#entries.set(key, value);
    this.#bytes += value.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  async state(): Promise<CacheState> {
    return { kind: "memory", entries: this.#entries.size, bytes: this.#bytes, maxBytes: this.#maxBytes };
  }

  async clear(): Promise<void> {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.length ?? 0;
    this.#entries.delete(key);
  }
}
