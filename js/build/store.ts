/** Store of the builder's checkpoints until a zTOC is complete. @module */
import { invalid } from "../errors.js";
import type { SpillStore } from "../types/build.js";

/**
 * A store in memory.
 *
 * @example
 * ```js
 * import { createReadStream } from "node:fs";
 * import { buildZtoc, MemoryStore } from "ocipeek/build";
 *
 * const store = new MemoryStore();
 * const ztoc = await buildZtoc(createReadStream("layer.tar.gz"), { store });
 * console.log(store.size > 0); // true
 * await ztoc.close();
 * ```
 */
export class MemoryStore implements SpillStore {
  readonly #parts: { start: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
  #size = 0;

  /** Bytes held. */
  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    this.#parts.push({ start: this.#size, bytes: bytes.slice() });
    this.#size += bytes.length;
  }

  read(start: number, end: number): Uint8Array<ArrayBuffer> {
    if (!(0 <= start && start <= end)) throw invalid("the store does not hold that");
    const out = new Uint8Array(end - start);
    this.readInto(start, out);
    return out;
  }

  readInto(start: number, into: Uint8Array<ArrayBuffer>): void {
    if (!(0 <= start && start + into.length <= this.#size)) throw invalid("the store does not hold that");
    for (let at = this.#find(start), filled = 0; filled < into.length; at++) {
      const part = this.#parts[at];
      if (!part) break;
      const from = start + filled - part.start;
      const piece = part.bytes.subarray(from, from + into.length - filled);
      into.set(piece, filled);
      filled += piece.length;
    }
  }

  close(): void {
    this.#parts.length = 0;
    this.#size = 0;
  }

  /** The part that holds an offset: the last one that begins at or before it. */
  #find(offset: number): number {
    let low = 0;
    for (let high = this.#parts.length; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if ((this.#parts[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}
