/** Bytes in hexadecimal, of a file of any size: what is in sight is read. @module */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../../format/format.ts";
import { asciiRow, hexRow, offsetText, parseOffset } from "../../format/hex.ts";
import { HexScroll } from "../../format/hex-scroll.ts";
import { BytePages } from "../../page/byte-pages.ts";
import { refreshCost } from "../../page/session.ts";
import type { ReadRange } from "../../page/text-document.ts";
import { FailureNote } from "../shared/Failure.tsx";
import { useResize } from "../shared/use-resize.ts";
import { GoField } from "./GoField.tsx";

/** Height of a row; hex.css says the same. */
const ROW_HEIGHT = 20;
/** Narrower than this, a row holds eight bytes. */
const WIDE = 620;

interface HexViewProps {
  size: number;
  /** Its first bytes, which are known already. */
  first: Uint8Array;
  read: ReadRange;
  name: string;
}

export function HexView({ size, first, read, name }: HexViewProps) {
  // The name stands for the file
  const pages = useMemo(() => new BytePages(size, first, read), [name, size]);
  useEffect(() => () => pages.close(), [pages]);
  const scroller = useRef<HTMLDivElement>(null);
  const [box, setBox] = useState({ width: 0, height: 0 });
  const perRow = box.width >= WIDE ? 16 : 8;
  const scroll = useMemo(
    () => new HexScroll(Math.ceil(size / perRow), ROW_HEIGHT, box.height),
    [size, perRow, box.height],
  );
  const [top, setTop] = useState(0);
  const [marked, setMarked] = useState<number>();
  /** Where the bar was put last, and the row that was on top then. */
  const bar = useRef({ at: 0, top: 0, perRow });

  useResize(scroller, ({ clientWidth: width, clientHeight: height }) => setBox({ width, height }));

  const moveTo = (wanted: number): void => {
    const next = scroll.clamp(wanted);
    setTop(next);
    const element = scroller.current;
    if (!element) return;
    element.scrollTop = scroll.barAt(next);
    bar.current = { at: element.scrollTop, top: next, perRow };
  };
  // In another size the same byte stays on top.
  // The size is what `scroll` is made of
  useLayoutEffect(() => moveTo((bar.current.top * bar.current.perRow) / perRow), [scroll]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element || element.scrollTop === bar.current.at) return;
    const next = scroll.topAt(element.scrollTop, bar.current.at, bar.current.top);
    if (scroll.isExact) {
      bar.current = { at: element.scrollTop, top: next, perRow };
      setTop(next);
    } else moveTo(next);
  };
  useEffect(() => {
    const element = scroller.current;
    if (!element || scroll.isExact) return;
    const onWheel = (event: WheelEvent): void => {
      if (event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? event.deltaY * ROW_HEIGHT : event.deltaY;
      moveTo(bar.current.top + pixels / ROW_HEIGHT);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(box.height / ROW_HEIGHT) - 1);
    const way = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, " ": page }[event.key];
    const to = { Home: 0, End: scroll.maxTop }[event.key];
    if (way === undefined && to === undefined) return;
    event.preventDefault();
    moveTo(to ?? bar.current.top + (way ?? 0));
  };

  void pages.version.value;
  const firstRow = Math.floor(top);
  const rows = Math.min(scroll.rows - firstRow, Math.ceil(box.height / ROW_HEIGHT) + 1);
  useEffect(() => {
    if (box.height > 0) pages.want(firstRow * perRow, (firstRow + rows) * perRow);
  });
  const { value: version } = pages.version;
  // What came has cost something
  useEffect(() => void refreshCost(), [version]);

  const goTo = (text: string): void => {
    const wanted = parseOffset(text);
    if (wanted === undefined) return;
    const offset = Math.min(wanted, Math.max(0, size - 1));
    setMarked(offset);
    moveTo(Math.floor(offset / perRow) - 3);
  };
  return (
    <div class={perRow === 8 ? "hex-narrow column" : "column"}>
      <div class="file-bar hint figures">
        <span class="file-bar-facts">{count(size)} bytes</span>
        <GoField aria-label="Go to offset: 4096 or 0x1000" placeholder="Offset" onGo={goTo} />
      </div>
      {pages.error && (
        <div class="file-pad">
          <FailureNote error={pages.error} onRetry={() => pages.retry()} />
        </div>
      )}
      <section
        ref={scroller}
        class="hex-scroller ring-inside"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        aria-label={`Bytes of ${name}`}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <div class="hex-all" style={{ height: `${scroll.height}px` }}>
          <div class="hex-view" style={{ height: `${box.height}px` }}>
            <div style={{ transform: `translateY(${-(top - firstRow) * ROW_HEIGHT}px)` }}>
              {Array.from({ length: Math.max(0, rows) }, (_, i) => (
                <HexLine
                  key={firstRow + i}
                  offset={(firstRow + i) * perRow}
                  {...{ pages, size, perRow, marked }}
                />
              ))}
            </div>
          </div>
        </div>
      </section>
    </div>
  );
}

interface LineProps {
  offset: number;
  perRow: number;
  size: number;
  pages: BytePages;
  marked: number | undefined;
}

function HexLine({ offset, perRow, size, pages, marked }: LineProps) {
  const bytes = pages.get(offset, Math.min(perRow, size - offset));
  const isMarked = marked !== undefined && marked >= offset && marked < offset + perRow;
  return (
    <div class={isMarked ? "hex-row hex-marked" : "hex-row"} data-offset={offset}>
      <span class="hex-offset">{offsetText(offset, size)}</span>
      <span class="hex-bytes">{bytes ? hexRow(bytes) : ""}</span>
      <span class="hex-ascii faint">{bytes ? asciiRow(bytes) : ""}</span>
    </div>
  );
}
