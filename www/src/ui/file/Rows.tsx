/** Rows of a long text, of which those in sight are rendered. @module */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useResize } from "../shared/use-resize.ts";

interface RowsProps {
  /** How many there are. */
  count: number;
  /** Height of a row that is not wrapped, in pixels; the sheet gives rows the same. */
  rowHeight: number;
  /** Rows may be higher: their heights are measured. */
  isWrapped: boolean;
  /** What the rows are of: another one starts at its top. */
  of: string;
  label: string;
  class: string;
  /** Width of the content in characters, where rows are not wrapped. */
  columns?: number | undefined;
  /** A row to bring into sight; another object, another time. */
  target?: { row: number } | undefined;
  /** Told of the last row that is rendered. */
  onLast?: ((row: number) => void) | undefined;
  onClick?: ((event: MouseEvent) => void) | undefined;
  render(row: number): JSX.Element;
  /** Behind the last row. */
  children?: ComponentChildren;
}

/** Rows that are rendered, or not, together. */
const BLOCK = 64;
/** Rendered above and below what is in sight, in pixels. */
const MARGIN = 800;

/** The rows, in a part that scrolls. */
export function Rows(props: RowsProps) {
  const { count, rowHeight, isWrapped, of, label, columns, target, onLast, onClick, render, children } =
    props;
  const scroller = useRef<HTMLDivElement>(null);
  const heights = useRef<{ of: string; list: number[] }>({ of: "", list: [] });
  const [view, setView] = useState({ top: 0, height: 0 });
  const [, setMeasured] = useState(0);
  const pending = useRef<number>(undefined);

  const key = `${of} ${isWrapped} ${rowHeight}`;
  if (heights.current.of !== key) heights.current = { of: key, list: [] };
  const blocks = Math.ceil(count / BLOCK);
  const heightOf = (block: number): number =>
    heights.current.list[block] ?? rowHeight * (Math.min(count, (block + 1) * BLOCK) - block * BLOCK);
  const shown = blocksIn(blocks, heightOf, view.top - MARGIN, view.top + view.height + MARGIN);

  useResize(scroller, ({ scrollTop: top, clientHeight: height }) => {
    // Another width wraps rows elsewhere.
    heights.current = { of: "", list: [] };
    setView({ top, height });
  });

  // `of` says that it is another text
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop = 0;
  }, [of]);

  useLayoutEffect(() => {
    if (target) pending.current = target.row;
    setMeasured((it) => it + 1);
  }, [target]);

  // After each rendering: measure what is there, and go where it was asked for.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    if (isWrapped && measureBlocks(element, heights.current.list)) setMeasured((it) => it + 1);
    if (pending.current === undefined || view.height === 0) return;
    const row = element.querySelector<HTMLElement>(`[data-row="${pending.current}"]`);
    if (row) {
      const at = row.getBoundingClientRect().top - element.getBoundingClientRect().top;
      if (at < rowHeight || at > element.clientHeight - 2 * rowHeight) {
        element.scrollTop += at - element.clientHeight / 3;
      }
      pending.current = undefined;
    } else {
      element.scrollTop = offsetOf(pending.current, heightOf, rowHeight) - element.clientHeight / 3;
      setView({ top: element.scrollTop, height: element.clientHeight });
    }
  });

  const last = Math.min(count, shown.end * BLOCK) - 1;
  useEffect(() => {
    if (view.height > 0) onLast?.(last);
  }, [last, view.height, onLast]);

  const list: JSX.Element[] = [];
  for (let block = shown.start; block < shown.end; block++) {
    const rows: JSX.Element[] = [];
    for (let row = block * BLOCK; row < Math.min(count, (block + 1) * BLOCK); row++) rows.push(render(row));
    list.push(
      <div key={block} class="rows-block" data-block={block}>
        {rows}
      </div>,
    );
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: what is clicked in it are links
    <section
      ref={scroller}
      class={`rows ring-inside ${isWrapped ? "rows-wrapped" : ""} ${props.class}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      aria-label={label}
      onScroll={(event) => {
        const { scrollTop: top, clientHeight: height } = event.currentTarget;
        setView((old) => (old.top === top && old.height === height ? old : { top, height }));
      }}
      onClick={onClick}
    >
      <div class="rows-all" style={isWrapped || !columns ? {} : { minWidth: `${columns}ch` }}>
        <div style={{ height: `${shown.before}px` }} />
        {list}
        <div style={{ height: `${shown.after}px` }} />
        {children}
      </div>
    </section>
  );
}

/** The blocks between two heights, and how much is above and below them. */
function blocksIn(
  blocks: number,
  heightOf: (block: number) => number,
  from: number,
  to: number,
): { start: number; end: number; before: number; after: number } {
  let top = 0;
  let start = 0;
  while (start < blocks - 1 && top + heightOf(start) < from) top += heightOf(start++);
  const before = top;
  let end = start;
  while (end < blocks && top < to) top += heightOf(end++);
  let after = 0;
  for (let block = end; block < blocks; block++) after += heightOf(block);
  return { start, end, before, after };
}

function offsetOf(row: number, heightOf: (block: number) => number, rowHeight: number): number {
  let top = 0;
  const block = Math.floor(row / BLOCK);
  for (let at = 0; at < block; at++) top += heightOf(at);
  return top + (row - block * BLOCK) * rowHeight;
}

function measureBlocks(element: HTMLElement, list: number[]): boolean {
  let isOther = false;
  for (const block of element.querySelectorAll<HTMLElement>(".rows-block")) {
    const at = Number(block.dataset.block);
    const { height } = block.getBoundingClientRect();
    if (Math.abs((list[at] ?? 0) - height) < 0.5) continue;
    list[at] = height;
    isOther = true;
  }
  return isOther;
}
