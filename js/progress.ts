import type { Progress } from "./types/index.js";

const INTERVAL_MS = 100;

/** Adds up what wasm reports and tells the user's callback, not too often. */
export class ProgressMeter {
  readonly #callback: (progress: Progress) => void;
  #requests = 0;
  #bytes = 0;
  #told = 0;
  #changed = false;

  constructor(callback: (progress: Progress) => void) {
    this.#callback = callback;
  }

  /** More requests, more bytes. */
  readonly add = (requests: number, bytes: number): void => {
    this.#requests += requests;
    this.#bytes += bytes;
    this.#changed = true;
    if (Date.now() - this.#told >= INTERVAL_MS) this.flush();
  };

  /** Tells the state now, if it is news. */
  flush(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#told = Date.now();
    try {
      this.#callback({ requests: this.#requests, bytes: this.#bytes });
    } catch (error) {
      // As for an event's listener: it must not break the read, and must not get lost.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
