/** Bytes of a file, page by page, as they are looked at. @module */
import { signal } from "@preact/signals";
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import type { EngineError } from "../protocol/api.ts";
import { asEngineError } from "./session.ts";
import type { ReadRange } from "./text-document.ts";

/** Bytes of a page. */
export const PAGE_SIZE = 16 << 10;
/** Pages that are kept: those used last. */
const MAX_PAGES = 256;

/** Pages of a file. */
export class BytePages {
  readonly size: number;
  /** Grows when something came. */
  readonly version = signal(0);
  /** What failed last, of what is wanted. */
  error: EngineError | undefined;
  readonly #read: ReadRange;
  readonly #pages = new BoundedMap<number, Uint8Array>(MAX_PAGES);
  readonly #coming = new Map<number, AbortController>();

  /** `first`: its first bytes, which are known already. */
  constructor(size: number, first: Uint8Array, read: ReadRange) {
    this.size = size;
    this.#read = read;
    for (let at = 0; at < first.length; at += PAGE_SIZE) {
      const page = first.subarray(at, at + PAGE_SIZE);
      if (page.length === PAGE_SIZE || at + page.length === size) this.#pages.set(at / PAGE_SIZE, page);
    }
  }

  /** Bytes from `offset`, at most `length`; nothing where they have not come. */
  get(offset: number, length: number): Uint8Array | undefined {
    const index = Math.floor(offset / PAGE_SIZE);
    const page = this.#pages.get(index);
    if (!page) return undefined;
    const at = offset - index * PAGE_SIZE;
    return page.subarray(at, at + length);
  }

  /** Asks for the bytes from `start` to `end`; what else was asked for is no longer wanted. */
  want(start: number, end: number): void {
    const first = Math.floor(start / PAGE_SIZE);
    const last = Math.floor(Math.max(start, Math.min(end, this.size) - 1) / PAGE_SIZE);
    for (const [index, stop] of this.#coming) if (index < first || index > last) stop.abort();
    if (this.error) return;
    for (let index = first; index <= last; index++) {
      if (!this.#pages.use(index) && !this.#coming.has(index)) void this.#load(index);
    }
  }

  /** Tries again. */
  retry(): void {
    this.error = undefined;
    this.version.value++;
  }

  /** Stops what is asked for. */
  close(): void {
    for (const stop of this.#coming.values()) stop.abort();
  }

  async #load(index: number): Promise<void> {
    const stop = new AbortController();
    this.#coming.set(index, stop);
    try {
      const start = index * PAGE_SIZE;
      const bytes = await this.#read(start, Math.min(this.size, start + PAGE_SIZE), stop.signal);
      this.#pages.set(index, bytes);
    } catch (error) {
      if (!stop.signal.aborted) this.error = asEngineError(error);
    } finally {
      this.#coming.delete(index);
      this.version.value++;
    }
  }
}
