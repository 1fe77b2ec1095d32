/** The difference of two texts, in one column or two. @module */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type DiffRow, pairedRows, unifiedRows } from "../../format/diff-rows.ts";
import { count, plural } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import type { DiffLine, FileDiffContent } from "../../protocol/api.ts";
import { Button } from "../controls/Button.tsx";
import { Choice } from "../controls/Choice.tsx";

/** Rows that are rendered at first, and more of them as one gets to the end. */
const STEP = 400;
/** Two columns need so many pixels. */
const WIDE = 640;

const UNIFIED = ["number", "number", "sign", "text"];
const PAIRED = ["number", "sign", "text", "number", "sign", "text"];

const LAYOUTS = [
  { id: "paired", title: "Side by side" },
  { id: "unified", title: "Unified" },
] as const;

/** The layout that was chosen last. */
let chosen: (typeof LAYOUTS)[number]["id"] = "paired";

interface TextDiffProps {
  content: FileDiffContent & { kind: "text" };
  /** Whether all lines are in it. */
  isWhole: boolean;
  onWhole(isWhole: boolean): void;
}

export function TextDiff({ content, isWhole, onWhole }: TextDiffProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const isWide = useIsWide(box);
  const [layout, setLayout] = useState(chosen);
  const isPaired = isWide && layout === "paired";
  const { hunks, added, removed } = content;
  const rows = useMemo(() => (isPaired ? pairedRows(hunks) : unifiedRows(hunks)), [hunks, isPaired]);
  return (
    <div ref={box} class="text-diff">
      <div class="text-diff-tools">
        <span class="figures">
          <span class="tally-added">{plural(added, "line")} added</span>,{" "}
          <span class="tally-removed">{plural(removed, "line")} removed</span>
        </span>
        <Button kind="quiet" aria-pressed={isWhole} onClick={() => onWhole(!isWhole)}>
          All lines
        </Button>
        {isWide && (
          <Choice
            label="Layout"
            options={LAYOUTS}
            selected={layout}
            onSelect={(id) => {
              chosen = id;
              setLayout(id);
            }}
          />
        )}
      </div>
      <Rows rows={rows} isPaired={isPaired} />
    </div>
  );
}

function useIsWide(box: { current: HTMLElement | null }): boolean {
  const [isWide, setWide] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = (): void => setWide(element.clientWidth >= WIDE);
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return isWide;
}

function Rows({ rows, isPaired }: { rows: readonly DiffRow[]; isPaired: boolean }): JSX.Element {
  const [shown, setShown] = useState(STEP);
  const more = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = more.current;
    if (!element || shown >= rows.length) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) setShown(shown + STEP);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [rows, shown]);
  return (
    <>
      <table class="diff" aria-label="Difference of the texts">
        <colgroup>
          {(isPaired ? PAIRED : UNIFIED).map((name, at) => (
            <col key={`${at}`} class={`diff-${name}`} />
          ))}
        </colgroup>
        <tbody>
          {rows.slice(0, shown).map((row, at) =>
            row.kind === "gap" ? (
              <tr key={`${at}`} class="diff-gap">
                <td colSpan={(isPaired ? PAIRED : UNIFIED).length}>
                  <span class="unseen">Equal lines are left out</span>
                </td>
              </tr>
            ) : row.kind === "line" ? (
              <tr key={`${at}`}>
                <Unified line={row.line} />
              </tr>
            ) : (
              <tr key={`${at}`}>
                <Half line={row.left} number={row.left?.left} />
                <Half line={row.right} number={row.right?.right} />
              </tr>
            ),
          )}
        </tbody>
      </table>
      {shown < rows.length && (
        <div ref={more} class="diff-more">
          <Button onClick={() => setShown(shown + STEP)}>{count(rows.length - shown)} more lines</Button>
        </div>
      )}
    </>
  );
}

function Unified({ line }: { line: DiffLine }): JSX.Element {
  return (
    <>
      <td class={`diff-number diff-${line.kind}`}>{line.left}</td>
      <td class={`diff-number diff-${line.kind}`}>{line.right}</td>
      <Text line={line} />
    </>
  );
}

function Half({ line, number }: { line: DiffLine | undefined; number: number | undefined }): JSX.Element {
  if (!line) {
    return (
      <>
        <td class="diff-number" />
        <td class="diff-sign" />
        <td class="diff-text diff-none" />
      </>
    );
  }
  return (
    <>
      <td class={`diff-number diff-${line.kind}`}>{number}</td>
      <Text line={line} />
    </>
  );
}

const SIGNS = { same: "", added: "+", removed: "−" };

function Text({ line }: { line: DiffLine }): JSX.Element {
  return (
    <>
      <td class={`diff-sign diff-${line.kind}`}>{SIGNS[line.kind]}</td>
      <td class={`diff-text diff-${line.kind}`}>
        <bdi>
          {line.parts.map(({ text, differs }, at) =>
            // Tabs and spaces of a text stay what they are.
            differs ? <mark key={`${at}`}>{shownText(text)}</mark> : shownText(text),
          )}
        </bdi>
      </td>
    </>
  );
}

/** Controls and direction marks are seen; blanks stay. */
function shownText(text: string): string {
  return text
    .split(/([ \t]+)/)
    .map((part, at) => (at % 2 === 1 ? part : visible(part)))
    .join("");
}
