/** Which rows are on screen. @module */

/** No browser lays out more than about 17 million pixels. */
const MAX_HEIGHT = 15_000_000;
/** Rows kept above and below what is on screen. */
const MARGIN = 8;

/** A part of a list on screen. */
export interface Viewport {
  /** How far it is scrolled, in pixels. */
  top: number;
  height: number;
  rowHeight: number;
}

/** Height of what is scrolled. */
export function scrollHeight(rows: number, { rowHeight }: Viewport): number {
  return Math.min(rows * rowHeight, MAX_HEIGHT);
}

/** The rows to render, from the first to the one not, and where the first one's top is. */
export function windowOf(rows: number, view: Viewport): { from: number; to: number; offset: number } {
  const { top, height, rowHeight } = view;
  const at = top * stretch(rows, view);
  const from = Math.min(rows, Math.max(0, Math.floor(at / rowHeight) - MARGIN));
  const to = Math.min(rows, Math.ceil((at + height) / rowHeight) + MARGIN);
  return { from, to, offset: top + from * rowHeight - at };
}

/** Where to scroll so that a row is seen: as it is where it can be seen, else so that the row is in the middle or at the nearer edge. */
export function scrollTo(row: number, rows: number, view: Viewport, place: "nearest" | "middle"): number {
  const { top, height, rowHeight } = view;
  const by = stretch(rows, view);
  const at = top * by;
  const from = row * rowHeight;
  if (from >= at && from + rowHeight <= at + height) return top;
  const nearest = from < at ? from : from + rowHeight - height;
  const to = place === "middle" ? from - (height - rowHeight) / 2 : nearest;
  return Math.max(0, Math.min(to / by, scrollHeight(rows, view) - height));
}

/** Rows' pixels for each one scrolled: 1, but for lists that are higher than what browsers lay out. */
function stretch(rows: number, view: Viewport): number {
  const height = rows * view.rowHeight;
  return height <= MAX_HEIGHT ? 1 : (height - view.height) / (MAX_HEIGHT - view.height);
}
