/** Writing to a cache beside reading. @module */
import type { Cache } from "./types/index.js";

/** Bytes that may wait to be written; whoever has more to write waits for room. */
const MOST_WAITING = 64 << 20;

interface Write {
  value: Uint8Array;
  run(): Promise<unknown> | unknown;
}

/** What writes to one cache, for all images that were opened with it: one value after the other. */
export class CacheWriter {
  /** What is being written, and what waits for that, by key. */
  readonly #waiting = new Map<string, Write>();
  #bytes = 0;
  #running: Promise<void> | undefined;
  /** Those who wait for room. */
  #wanting: (() => void)[] = [];

  /** What is not written yet. */
  get(key: string): Uint8Array | undefined {
    return this.#waiting.get(key)?.value;
  }

  /** Has `run` write a value, at once where nothing else is being written. Waits only where too much is. */
  async put(key: string, value: Uint8Array, run: Write["run"]): Promise<void> {
    while (this.#bytes > MOST_WAITING) await new Promise<void>((resolve) => this.#wanting.push(resolve));
    this.#forget(key);
    this.#waiting.set(key, { value, run });
    this.#bytes += value.byteLength;
    this.#running ??= this.#write();
  }

  /** Waits until all is written. */
  async finished(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #write(): Promise<void> {
    for (let isFirst = true; this.#waiting.size > 0; isFirst = false) {
      // Readers have their turn before each.
      if (!isFirst) await new Promise((resolve) => setTimeout(resolve));
      const [next] = this.#waiting;
      if (!next) break;
      const [key, write] = next;
      try {
        await write.run();
      } catch {
        // What a cache does not take is not kept.
      }
      if (this.#waiting.get(key) === write) this.#forget(key);
      for (const resolve of this.#wanting.splice(0)) resolve();
    }
    this.#running = undefined;
  }

  #forget(key: string): void {
    const old = this.#waiting.get(key);
    if (!old) return;
    this.#bytes -= old.value.byteLength;
    this.#waiting.delete(key);
  }
}

const writers = new WeakMap<Cache, CacheWriter>();

/** What writes to a cache. */
export function writerOf(cache: Cache): CacheWriter {
  const known = writers.get(cache) ?? new CacheWriter();
  writers.set(cache, known);
  return known;
}
