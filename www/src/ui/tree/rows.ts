/** The rows that a tree shows: what is in open folders, in order. @module */
import type { Catalogue } from "../../protocol/catalogue.ts";
import type { Order } from "./order.ts";

/** Rows, in columns. */
export interface Rows {
  readonly count: number;
  /** The entry of each row. */
  readonly entries: Uint32Array;
  /** Folders above it: 1 for what is in the root. */
  readonly levels: Uint16Array;
  /** Its place among the rows of its folder, 1 the first. */
  readonly positions: Uint32Array;
  /** How many rows its folder has. */
  readonly siblings: Uint32Array;
}

/** What limits the rows. */
export interface Shown {
  /** Bits of {@link MATCH} and {@link ABOVE} for each entry. */
  readonly bits: Uint8Array;
  /** Whether a folder that matches, with no match below it, shows all that it has when it is opened. */
  readonly whole: boolean;
}

/** It matches. */
export const MATCH = 1;
/** Something below it matches. */
export const ABOVE = 2;

const MAX_LEVEL = 0xffff;

/** What `matches` and their folders are. */
export function shownOf(c: Catalogue, matches: Iterable<number>, whole: boolean): Shown {
  const bits = new Uint8Array(c.count);
  for (const entry of matches) {
    bits[entry] = (bits[entry] ?? 0) | MATCH;
    for (let at = entry; at !== 0; ) {
      at = c.parent[at] ?? 0;
      if ((bits[at] ?? 0) & ABOVE) break;
      bits[at] = (bits[at] ?? 0) | ABOVE;
    }
  }
  return { bits, whole };
}

/**
 * The rows of a tree. `open`: 1 for each folder that is. Every one of `limits` must show an entry.
 */
export function rowsOf(c: Catalogue, order: Order, open: Uint8Array, limits: readonly Shown[] = []): Rows {
  const entries = new Uint32Array(c.count);
  const levels = new Uint16Array(c.count);
  const positions = new Uint32Array(c.count);
  const siblings = new Uint32Array(c.count);
  let count = 0;
  // What is left of each folder that is open; all of them at once where trees are deep.
  const stack = [folderOf(order, 0, limits)];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    if (top.next === top.end) {
      stack.pop();
      continue;
    }
    const entry = order.list[top.next++] ?? 0;
    if (!isShown(entry, top.limits)) continue;
    entries[count] = entry;
    levels[count] = Math.min(stack.length, MAX_LEVEL);
    positions[count] = ++top.position;
    siblings[count] = top.siblings;
    count++;
    if (open[entry] === 1 && (c.end[entry] ?? 0) > entry + 1) {
      stack.push(folderOf(order, entry, belowOf(entry, top.limits)));
    }
  }
  return {
    count,
    entries: entries.subarray(0, count),
    levels: levels.subarray(0, count),
    positions: positions.subarray(0, count),
    siblings: siblings.subarray(0, count),
  };
}

function folderOf(order: Order, folder: number, limits: readonly Shown[]) {
  const next = order.starts[folder] ?? 0;
  const end = order.starts[folder + 1] ?? next;
  let siblings = end - next;
  if (limits.length > 0) {
    siblings = 0;
    for (let i = next; i < end; i++) if (isShown(order.list[i] ?? 0, limits)) siblings++;
  }
  return { next, end, limits, siblings, position: 0 };
}

function isShown(entry: number, limits: readonly Shown[]): boolean {
  for (const { bits } of limits) if (bits[entry] === 0) return false;
  return true;
}

/** What limits the rows in a folder that is shown. */
function belowOf(folder: number, limits: readonly Shown[]): readonly Shown[] {
  const isWhole = ({ bits, whole }: Shown): boolean => whole && bits[folder] === MATCH;
  return limits.some(isWhole) ? limits.filter((limit) => !isWhole(limit)) : limits;
}
