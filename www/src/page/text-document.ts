/** A text that is read as it is looked at: its first part at once, the rest piece by piece. @module */
import { signal } from "@preact/signals";
import type { Encoding } from "../format/encoding.ts";
import { Lines } from "../format/lines.ts";

/** Reads bytes of the file. */
export type ReadRange = (start: number, end: number, signal: AbortSignal) => Promise<Uint8Array>;

/** Bytes of a further part. */
const STEP = 1 << 20;
/** A page keeps at most so much of a text; what is larger is for the hex view, or a download. */
export const MAX_TEXT_BYTES = 32 << 20;
/** Browsers do not scroll further than about so many rows. */
const MAX_TEXT_ROWS = 600_000;

/** How far it is. `capped`: no more is read. */
export type TextState = "ready" | "loading" | "failed" | "done" | "capped";

/** The text. */
export class TextDocument {
  readonly lines = new Lines();
  /** Grows with each part. */
  readonly version = signal(0);
  readonly state = signal<TextState>("ready");
  /** Why the last part did not come. */
  error: unknown;
  /** Bytes read, and of how many. */
  read: number;
  readonly total: number;
  readonly #decoder: TextDecoder;
  readonly #fetch: ReadRange;
  readonly #stop = new AbortController();
  #loading: Promise<void> | undefined;

  constructor(first: Uint8Array, total: number, encoding: Encoding, fetch: ReadRange) {
    this.#decoder = new TextDecoder(encoding.label, { ignoreBOM: true });
    this.#fetch = fetch;
    this.total = total;
    this.read = first.length;
    this.#take(first.subarray(encoding.mark));
  }

  /** Reads the next part, if there is one. One at a time: who asks meanwhile waits for it. */
  more(): Promise<void> {
    const state = this.state.peek();
    if (state === "done" || state === "capped") return Promise.resolve();
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Reads on until a line is there, or the text's end. */
  async upTo(line: number): Promise<void> {
    while (this.lines.lines < line && !["done", "capped", "failed"].includes(this.state.peek())) {
      await this.more();
    }
  }

  /** All that was read. */
  wholeText(): string {
    return this.lines.text();
  }

  /** Stops what is read. */
  close(): void {
    this.#stop.abort();
  }

  async #load(): Promise<void> {
    this.state.value = "loading";
    try {
      const end = Math.min(this.total, this.read + STEP);
      const bytes = await this.#fetch(this.read, end, this.#stop.signal);
      this.read += bytes.length;
      this.#take(bytes);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.error = error;
      this.state.value = "failed";
    }
  }

  #take(bytes: Uint8Array): void {
    const isLast = this.read >= this.total;
    this.lines.append(this.#decoder.decode(bytes, { stream: !isLast }), isLast);
    const isFull = this.read >= MAX_TEXT_BYTES || this.lines.rows >= MAX_TEXT_ROWS;
    this.state.value = isLast ? "done" : isFull ? "capped" : "ready";
    this.version.value++;
  }
}
