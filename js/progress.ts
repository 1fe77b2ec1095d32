import type { Progress } from "./types/index.js";

const INTERVAL_MS = 100;

/** Adds up what wasm reports and tells the user's callback, not too often. */
export class ProgressMeter {
  readonly #callback: (progress: Progress) => void;
  #requests = 0;
  #bytes = 0;
  #told = 0;
  #changed = false;
  #onThrow: (error: unknown) => void = () => {};

  constructor(callback: (progress: Progress) => void) {
    this.#callback = callback;
  }

  /** Calls `onThrow` with what the callback throws. */
  onThrow(onThrow: (error: unknown) => void): void {
    this.#onThrow = onThrow;
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
      this.#onThrow(error);
    }
  }
}
