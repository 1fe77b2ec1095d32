/** The difference of two texts, in one column or two. @module */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type DiffRow, pairedRows, unifiedRows } from "../../format/diff-rows.ts";
import { count, plural } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import type { DiffLine, FileDiffContent } from "../../protocol/api.ts";
import { Button, Choice } from "../controls/index.ts";
import { useResize } from "../shared/use-resize.ts";

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

export function TextDiff({ content, isWhole, onWhole }: TextDiffProps) {
  const box = useRef<HTMLDivElement>(null);
  const [isWide, setWide] = useState(false);
  useResize(box, ({ clientWidth }) => setWide(clientWidth >= WIDE));
  const [layout, setLayout] = useState(chosen);
  const isPaired = isWide && layout === "paired";
  const { hunks, added, removed } = content;
  const rows = useMemo(() => (isPaired ? pairedRows(hunks) : unifiedRows(hunks)), [hunks, isPaired]);
  return (
    <div ref={box} class="text-diff grid">
      <div class="text-diff-tools">
        <span class="figures">
          <span class="toned tone-added">{plural(added, "line")} added</span>,{" "}
          <span class="toned tone-removed">{plural(removed, "line")} removed</span>
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

function Rows({ rows, isPaired }: { rows: readonly DiffRow[]; isPaired: boolean }) {
  const columns = isPaired ? PAIRED : UNIFIED;
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
          {columns.map((name, at) => (
            <col key={`${at}`} class={`diff-${name}`} />
          ))}
        </colgroup>
        <tbody>
          {rows.slice(0, shown).map((row, at) => (
            <tr key={`${at}`} class={row.kind === "gap" ? "diff-gap" : undefined}>
              {row.kind === "gap" ? (
                <td colSpan={columns.length}>
                  <span class="unseen">Equal lines are left out</span>
                </td>
              ) : row.kind === "line" ? (
                <>
                  <td class={`diff-number tone-${row.line.kind}`}>{row.line.left}</td>
                  <Half line={row.line} number={row.line.right} />
                </>
              ) : (
                <>
                  <Half line={row.left} number={row.left?.left} />
                  <Half line={row.right} number={row.right?.right} />
                </>
              )}
            </tr>
          ))}
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

function Half({ line, number }: { line: DiffLine | undefined; number: number | undefined }) {
  return (
    <>
      <td class={`diff-number tone-${line?.kind}`}>{number}</td>
      {line ? (
        <Text line={line} />
      ) : (
        <>
          <td class="diff-sign" />
          <td class="diff-text diff-none" />
        </>
      )}
    </>
  );
}

const SIGNS = { same: "", added: "+", removed: "−" };

function Text({ line }: { line: DiffLine }) {
  return (
    <>
      <td class={`diff-sign tone-${line.kind}`}>{SIGNS[line.kind]}</td>
      <td class={`diff-text tone-${line.kind}`}>
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
