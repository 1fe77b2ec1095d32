/** The budget of memory of the package's wasm modules. @module */
import { invalid } from "./errors.js";

/** Options of {@link setMemoryLimit}. */
export interface MemoryOptions {
  /**
   * Called when memory runs short, after what is kept for later reads was given up: may close images that nobody uses.
   * Called in the middle of a read, so it must not wait, nor use an image in another way.
   */
  onPressure?: (() => void) | undefined;
}

/** What of a wasm module is used here. @internal */
export interface Budgeted {
  setMemoryLimit(bytes: number, pressure?: (() => void) | undefined): void;
  memoryHeld(): number;
  isLost(): boolean;
}

let limit: { bytes: number; pressure: (() => void) | undefined } | undefined;
const modules = new Set<Budgeted>();

/**
 * Bounds the memory that all open images take together, in bytes; 2 GiB by default. It is reserved before it is taken:
 * where it is not enough, what is kept for later reads is given up, the longest unused first, and then reading fails
 * with `LIMIT_EXCEEDED` and `limit: "maxMemory"`, and takes nothing.
 *
 * Each wasm module has the budget for itself: the one that all images begin with, the one that reads other lazy formats
 * once an image needs it, and the one that builds indexes. Buffers of fixed sizes and allocators come on top: leave
 * them a quarter.
 */
export function setMemoryLimit(bytes: number, { onPressure }: MemoryOptions = {}): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw invalid("a memory limit must be a whole number of bytes");
  limit = { bytes, pressure: onPressure };
  for (const module of modules) if (!module.isLost()) module.setMemoryLimit(bytes, onPressure);
}

/** Bytes that open images, what they keep, and reads under way have reserved. */
export function memoryHeld(): number {
  let sum = 0;
  for (const module of modules) if (!module.isLost()) sum += module.memoryHeld();
  return sum;
}

/** A module that was instantiated, or was again, has the limit too. @internal */
export function budget(module: Budgeted): void {
  modules.add(module);
  if (limit) module.setMemoryLimit(limit.bytes, limit.pressure);
}
