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

/** Wasm module with a memory budget. */
export interface Budgeted {
  setMemoryLimit(bytes: number, pressure?: (() => void) | undefined): void;
  memoryHeld(): number;
  memorySize(): number;
  isLost(): boolean;
  retire(): (() => number | undefined) | undefined;
}

/** Memory of an instance before it opens anything, and some more, in bytes. */
const SLACK = 8 << 20;
/** As many times its limit an instance may have before it is retired. */
const FRAGMENTED = 2;

let limit: { bytes: number; pressure: (() => void) | undefined } | undefined;
const modules = new Set<Budgeted>();
/** Bytes that each module's retired instance has still reserved; nothing once that is gone. */
const retired = new Map<Budgeted, () => number | undefined>();
/** The limit of each module, less that. */
const rests = new Map<Budgeted, number>();
let retirements = 0;

/**
 * Bounds the memory that all open images take together, in bytes; 2 GiB by default. It is reserved before it is taken:
 * where it is not enough, what is kept for later reads is given up, the longest unused first, and then reading fails
 * with `LIMIT_EXCEEDED` and `limit: "maxMemory"`, and takes nothing.
 *
 * Each wasm module has the budget for itself: the one that all images begin with, the one that reads other lazy formats
 * once an image needs it, and the one that builds indexes. Buffers of fixed sizes and allocators come on top: leave
 * them as much again. Memory of wasm never shrinks; where it is fragmented, so that it has become twice its limit while
 * less than half of the limit is in use, the next image is opened in a new instance, and the old one goes with its last
 * image (see `Image.isRetired`).
 *
 * @example
 * ```js
 * import { open, setMemoryLimit } from "ocipeek";
 *
 * const idle = new Set();
 * setMemoryLimit(256 << 20, {
 *   onPressure: () => {
 *     for (const image of idle) image.close();
 *     idle.clear();
 *   },
 * });
 * idle.add(await open("ghcr.io/owner/app:1"));
 * ```
 */
export function setMemoryLimit(bytes: number, { onPressure }: MemoryOptions = {}): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw invalid("a memory limit must be a whole number of bytes");
  limit = { bytes, pressure: onPressure };
  rests.clear();
  for (const module of modules) if (!module.isLost()) module.setMemoryLimit(bytes, onPressure);
}

/**
 * Bytes that open images, what they keep, and reads under way have reserved.
 *
 * @example
 * ```js
 * import { memoryHeld, open } from "ocipeek";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * await image.readFile("/etc/services");
 * console.log(memoryHeld() > 0); // true
 * await image.close();
 * ```
 */
export function memoryHeld(): number {
  let sum = 0;
  for (const module of modules) {
    if (!module.isLost()) sum += module.memoryHeld();
    sum += heldByRetired(module);
  }
  return sum;
}

function heldByRetired(module: Budgeted): number {
  return retired.get(module)?.() ?? 0;
}

/**
 * Bytes in wasm that something small in JavaScript stands for, before a buffer says so. The C library takes larger ones from
 * the system each time, which gives them without memory; smaller ones it may take from what was freed, and clear.
 */
const STEP = 32 << 20;

/** What wasm holds for owners, once more as buffers that nobody touches. They take no memory but are counted. */
const ballast = new WeakMap<object, ArrayBuffer[]>();
/** Bytes of all of it. */
let carried = 0;
const dropped = new FinalizationRegistry<number>((bytes) => {
  carried -= bytes;
});

/**
 * Lets the collector know what `owner` weighs. It sees a small object where wasm holds megabytes, and would not run
 * before thousands of images that nobody closed had taken all memory. A program that is told of pressure closes its
 * images itself, and is spared this.
 * @internal
 */
export function weigh(owner: object): void {
  if (limit?.pressure) return;
  const more = memoryHeld() - carried;
  if (more <= STEP) return;
  try {
    const buffer = new ArrayBuffer(more);
    dropped.register(buffer, more);
    carried += more;
    const all = ballast.get(owner);
    if (all) all.push(buffer);
    else ballast.set(owner, [buffer]);
  } catch {
    // It is a hint only.
  }
}

/** Drops what `owner` weighs, which is closed. @internal */
export function unweigh(owner: object): void {
  ballast.delete(owner);
}

/** How often an instance was retired. @internal */
export function generation(): number {
  return retirements;
}

/** Before something is opened: a fragmented instance is retired, and what old ones still hold is not given out again. @internal */
export function renew(module: Budgeted): void {
  if (!limit || module.isLost()) return;
  const { bytes, pressure } = limit;
  const isFragmented = module.memorySize() > bytes * FRAGMENTED + SLACK && module.memoryHeld() < bytes / 2;
  // One at a time: else another would begin while the last is still there.
  const held = isFragmented && retired.get(module)?.() === undefined ? module.retire() : undefined;
  if (held) {
    retirements += 1;
    retired.set(module, held);
    rests.delete(module);
    // What is idle in the old one is of no use any more.
    for (let last = Number.POSITIVE_INFINITY; pressure && heldByRetired(module) < last; ) {
      last = heldByRetired(module);
      pressure();
    }
  }
  const rest = Math.max(0, bytes - heldByRetired(module));
  if (rests.get(module) !== rest) module.setMemoryLimit(rest, pressure);
  rests.set(module, rest);
}

/** A module that was instantiated, or was again, has the limit too. @internal */
export function budget(module: Budgeted): void {
  modules.add(module);
  // The new instance knows nothing of what was set in the lost one.
  rests.delete(module);
  if (limit) module.setMemoryLimit(limit.bytes, limit.pressure);
}
