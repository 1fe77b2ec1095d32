/** A text with line numbers, highlighted, read as one scrolls. @module */
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { bytes, plural } from "../../format/format.ts";
import type { Presentations } from "../../format/presentation.ts";
import { address, go, href } from "../../page/location.ts";
import { highlight } from "../../page/preview.ts";
import { asEngineError, refreshCost } from "../../page/session.ts";
import type { TextDocument } from "../../page/text-document.ts";
import type { Runs } from "../../preview/protocol.ts";
import { Button, IconButton } from "../controls/Button.tsx";
import { CopyButton } from "../controls/CopyButton.tsx";
import { WrapIcon } from "../controls/icons.tsx";
import { LineField } from "./LineField.tsx";
import { markedText } from "./marked-text.tsx";
import { Problem } from "./Problem.tsx";
import { Rows } from "./Rows.tsx";
import "./text.css";
import { wraps } from "./wrap.ts";

/** Height of a row; text.css says the same. */
const ROW_HEIGHT = 20;
/** Longer texts are highlighted up to here. */
const MAX_HIGHLIGHTED = 512 << 10;
/** Rows before the end at which the next part is read. */
const READ_AHEAD = 400;

interface TextViewProps {
  document: TextDocument;
  presentations: Presentations;
  /** Names the file, and the text. */
  name: string;
}

export function TextView({ document, presentations, name }: TextViewProps): JSX.Element {
  // The document's rows and state change with these.
  void document.version.value;
  const state = document.state.value;
  const { lines } = document;
  const { language, encoding } = presentations;
  const runs = useRuns(document, language);
  const marked = address.value.lines;
  const target = useTarget(document, marked?.from);
  const digits = Math.max(3, String(lines.lines).length);

  const onLast = useCallback(
    (row: number) => {
      if (row > lines.rows - READ_AHEAD && document.state.peek() === "ready") {
        void document.more().then(refreshCost);
      }
    },
    [document, lines],
  );
  const renderRow = (at: number): JSX.Element => {
    const row = lines.row(at);
    const isMarked = marked !== undefined && row.line >= marked.from && row.line <= marked.to;
    return (
      <div key={at} class={isMarked ? "text-row text-marked" : "text-row"} data-row={at}>
        {row.goesOn ? (
          <span class="text-number" title="The line goes on">
            ⤷
          </span>
        ) : (
          <a
            class="text-number"
            tabIndex={-1}
            href={href({ lines: { from: row.line, to: row.line } })}
            data-line={row.line}
          >
            {row.line}
          </a>
        )}
        <span class="text-line">
          {markedText(row.text, row.piece === 0 ? runs : undefined, row.start)}
          {"\n"}
        </span>
      </div>
    );
  };
  return (
    <div class="text" style={{ "--digits": digits }}>
      <div class="file-bar">
        <span class="file-bar-facts">
          {plural(lines.lines, "line")}
          {state === "done" ? "" : " so far"} · {encoding?.title}
          {lines.crlf > 0 && (lines.crlf < lines.lines - 1 ? " · some CRLF" : " · CRLF")}
          {language && ` · ${language}`}
        </span>
        <LineField lines={state === "done" ? lines.lines : undefined} />
        <IconButton
          label="Wrap long lines"
          icon={WrapIcon}
          pressed={wraps.value}
          onClick={() => {
            wraps.value = !wraps.value;
          }}
        />
        {state === "done" && <CopyButton label="Copy text" text={() => document.wholeText()} />}
      </div>
      <Rows
        count={lines.rows}
        rowHeight={ROW_HEIGHT}
        isWrapped={wraps.value}
        of={name}
        label={`Text of ${name}`}
        class="text-rows"
        columns={lines.widest + digits + 5}
        target={target}
        onLast={onLast}
        onClick={onNumber}
        render={renderRow}
      >
        <Rest document={document} />
      </Rows>
    </div>
  );
}

/** What follows what is shown. */
function Rest({ document }: { document: TextDocument }): JSX.Element | null {
  const state = document.state.value;
  if (state === "done") return null;
  if (state === "failed") {
    return (
      <div class="text-rest">
        <Problem
          error={asEngineError(document.error)}
          what="The next part could not be read"
          retry={() => void document.more().then(refreshCost)}
        />
      </div>
    );
  }
  return (
    <div class="text-rest">
      <span>
        {bytes(document.read)} of {bytes(document.total)} are shown.
        {state === "capped" && " The rest is in the hex view, and in the download."}
      </span>
      {state !== "capped" && (
        <Button busy={state === "loading"} onClick={() => void document.more().then(refreshCost)}>
          Read on
        </Button>
      )}
    </div>
  );
}

/** Marks lines: a click one, with Shift all from the marked one; a click on the marked one none. */
function onNumber(event: MouseEvent): void {
  const link = (event.target as HTMLElement).closest<HTMLElement>("[data-line]");
  if (!link || event.ctrlKey || event.metaKey || event.altKey || event.button !== 0) return;
  event.preventDefault();
  const line = Number(link.dataset.line);
  const old = address.peek().lines;
  if (event.shiftKey && old) {
    getSelection()?.removeAllRanges();
    go({ lines: { from: Math.min(old.from, line), to: Math.max(old.from, line) } }, { replace: true });
    return;
  }
  const isOff = old?.from === line && old.to === line;
  go({ lines: isOff ? undefined : { from: line, to: line } }, { replace: true });
}

/** Classes of the text's first part. */
function useRuns(document: TextDocument, language: string | undefined): Runs | undefined {
  const [found, setFound] = useState<{ document: TextDocument; runs: Runs }>();
  useEffect(() => {
    const text = document.lines.pieceText(0);
    if (!language || text.length > MAX_HIGHLIGHTED) return;
    const stop = new AbortController();
    highlight(text, language, stop.signal).then(
      (runs) => {
        if (runs && !stop.signal.aborted) setFound({ document, runs });
      },
      // Without colours it is as readable.
      () => {},
    );
    return () => stop.abort();
  }, [document, language]);
  return found?.document === document ? found.runs : undefined;
}

/** Where to scroll: to the marked line, once it has been read. */
function useTarget(document: TextDocument, line: number | undefined): { row: number } | undefined {
  const [target, setTarget] = useState<{ row: number }>();
  useEffect(() => {
    if (line === undefined) return;
    let isWanted = true;
    void document.upTo(line).then(() => {
      const row = document.lines.rowOfLine(line);
      if (isWanted && row !== undefined) setTarget({ row });
    });
    return () => {
      isWanted = false;
    };
  }, [document, line]);
  return useMemo(() => target, [target]);
}
