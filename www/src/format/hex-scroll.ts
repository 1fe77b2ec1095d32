/**
 * Scrolling over more rows than a browser's elements can be high. The bar shows where one is; what is small scrolls by
 * rows, whatever the bar's step is.
 * @module
 */

/** Browsers make elements at least so high, in pixels. */
const MAX_HEIGHT = 8_000_000;
/** Distance that the bar keeps from its ends while there are rows beyond, so that it can always be scrolled on. */
const MARGIN = 4_000;

/** A way between rows and the bar's pixels. Rows are fractions: 2.5 is in the middle of the third one. */
export class HexScroll {
  readonly rows: number;
  readonly rowHeight: number;
  /** Height of the part that is in sight. */
  readonly viewHeight: number;
  /** Height of what the bar scrolls over. */
  readonly height: number;
  /** The last row that can be on top. */
  readonly maxTop: number;
  /** Whether the bar's pixels are those of the rows. */
  readonly isExact: boolean;

  constructor(rows: number, rowHeight: number, viewHeight: number) {
    this.rows = rows;
    this.rowHeight = rowHeight;
    this.viewHeight = viewHeight;
    const all = rows * rowHeight;
    this.isExact = all <= MAX_HEIGHT;
    this.height = Math.min(all, MAX_HEIGHT);
    this.maxTop = Math.max(0, rows - viewHeight / rowHeight);
  }

  /** A row that can be on top. */
  clamp(top: number): number {
    return Math.max(0, Math.min(this.maxTop, top));
  }

  /** Where the bar is while `top` is the uppermost row. */
  barAt(top: number): number {
    const end = this.height - this.viewHeight;
    if (this.isExact) return top * this.rowHeight;
    if (top <= 0) return 0;
    if (top >= this.maxTop) return end;
    return MARGIN + (top / this.maxTop) * (end - 2 * MARGIN);
  }

  /** The uppermost row after the bar went from `before`, where `top` was on top, to `bar`. */
  topAt(bar: number, before: number, top: number): number {
    if (this.isExact) return this.clamp(bar / this.rowHeight);
    const end = this.height - this.viewHeight;
    const way = bar - before;
    // A finger, or a wheel that the page did not see: so many pixels of rows.
    if (Math.abs(way) <= 2 * this.viewHeight) return this.clamp(top + way / this.rowHeight);
    return this.clamp(((bar - MARGIN) / (end - 2 * MARGIN)) * this.maxTop);
  }
}
