/** The rows of a folded JSON document. @module */
import { JSON_KINDS, type JsonColumns } from "./json.ts";

/** One row: a value, or the end of one that is open. */
export interface JsonRow {
  /** The value. */
  at: number;
  depth: number;
  /** Whether it is only the closing bracket. */
  isEnd: boolean;
  /** Whether another value of the same object or array follows. */
  hasNext: boolean;
}

/** More rows are not opened by a single step. */
export const MAX_ROWS = 200_000;

/** Values that are open at first: those from the top that make few rows. */
export function firstOpen(c: JsonColumns, maxRows = 400): Set<number> {
  const open = new Set<number>();
  let rows = 1;
  let level = [0];
  while (level.length > 0) {
    const next: number[] = [];
    for (const at of level) {
      const size = c.size[at] ?? 0;
      if (!isNested(c, at) || size === 0) continue;
      if (rows + size > maxRows && at !== 0) continue;
      rows += size + 1;
      open.add(at);
      for (const child of children(c, at)) next.push(child);
      if (rows > maxRows) return open;
    }
    level = next;
  }
  return open;
}

/** All that can be opened, as far as `maxRows` go. */
export function allOpen(c: JsonColumns, maxRows = MAX_ROWS): Set<number> {
  const open = new Set<number>();
  let rows = 1;
  for (let at = 0; at < c.kind.length && rows < maxRows; at++) {
    if (!isNested(c, at) || (c.size[at] ?? 0) === 0) continue;
    open.add(at);
    rows += (c.size[at] ?? 0) + 1;
  }
  return open;
}

/** The rows, with these open. */
export function jsonRows(c: JsonColumns, open: ReadonlySet<number>): JsonRow[] {
  const rows: JsonRow[] = [{ at: 0, depth: 0, isEnd: false, hasNext: false }];
  if (!open.has(0)) return rows;
  // What is open, with the next value in it.
  const stack: { at: number; next: number; end: number }[] = [{ at: 0, next: 1, end: c.next[0] ?? 0 }];
  while (stack.length > 0 && rows.length < MAX_ROWS) {
    const top = stack.at(-1);
    if (!top) break;
    if (top.next >= top.end) {
      stack.pop();
      const parent = stack.at(-1);
      const hasNext = parent !== undefined && parent.next < parent.end;
      rows.push({ at: top.at, depth: stack.length, isEnd: true, hasNext });
      continue;
    }
    const at = top.next;
    top.next = c.next[at] ?? top.end;
    const isOpen = open.has(at);
    rows.push({ at, depth: stack.length, isEnd: false, hasNext: !isOpen && top.next < top.end });
    if (isOpen) stack.push({ at, next: at + 1, end: c.next[at] ?? at + 1 });
  }
  return rows;
}

/** Whether it is an object or array. */
export function isNested(c: JsonColumns, at: number): boolean {
  return (c.kind[at] ?? 0) < 2;
}

/** What a value is. */
export function kindOf(c: JsonColumns, at: number): (typeof JSON_KINDS)[number] {
  return JSON_KINDS[c.kind[at] ?? 0] ?? "null";
}

function* children(c: JsonColumns, at: number): Generator<number> {
  const end = c.next[at] ?? 0;
  for (let child = at + 1; child < end; child = c.next[child] ?? end) yield child;
}
