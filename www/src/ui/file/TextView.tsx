/** A text with line numbers, highlighted, read as one scrolls. @module */

import { useCallback, useMemo } from "preact/hooks";
import { bytes, plural } from "../../format/format.ts";
import type { Presentations } from "../../format/presentation.ts";
import { address, go, href } from "../../page/location.ts";
import { highlight } from "../../page/preview.ts";
import { asEngineError, refreshCost } from "../../page/session.ts";
import type { TextDocument } from "../../page/text-document.ts";
import { WrapIcon } from "../controls/icons.tsx";
import { Button, CopyButton, IconButton } from "../controls/index.ts";
import { FailureNote } from "../shared/Failure.tsx";
import { useCall } from "../shared/use-call.ts";
import { LineField } from "./GoField.tsx";
import { markedText } from "./marked-text.tsx";
import { Rows } from "./Rows.tsx";
import { toggleWrap, wraps } from "./wrap.ts";

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

export function TextView({ document, presentations, name }: TextViewProps) {
  // The document's rows and state change with these.
  void document.version.value;
  const state = document.state.value;
  const { lines } = document;
  const { language, encoding } = presentations;
  const first = lines.pieceText(0);
  // Without colours it is as readable.
  const colours = useCall(first.length > MAX_HIGHLIGHTED ? undefined : language, ({ signal }) =>
    highlight(first, language ?? "", signal),
  );
  const runs = colours.step === "done" ? colours.value : undefined;
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
  const renderRow = (at: number) => {
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
    <div class="text column" style={{ "--digits": digits }}>
      <div class="file-bar hint figures">
        <span class="file-bar-facts">
          {plural(lines.lines, "line")}
          {state === "done" ? "" : " so far"} · {encoding?.title}
          {lines.crlf > 0 && (lines.crlf < lines.lines - 1 ? " · some CRLF" : " · CRLF")}
          {language && ` · ${language}`}
        </span>
        <LineField lines={state === "done" ? lines.lines : undefined} />
        <IconButton label="Wrap long lines" icon={WrapIcon} pressed={wraps.value} onClick={toggleWrap} />
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
function Rest({ document }: { document: TextDocument }) {
  const state = document.state.value;
  if (state === "done") return null;
  if (state === "failed") {
    return (
      <div class="text-rest flow">
        <FailureNote
          error={asEngineError(document.error)}
          onRetry={() => void document.more().then(refreshCost)}
        />
      </div>
    );
  }
  return (
    <div class="text-rest flow">
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

/** Where to scroll: to the marked line, once it has been read. */
function useTarget(document: TextDocument, line = 0): { row: number } | undefined {
  const call = useCall(line > 0 ? `${line}` : undefined, async () => {
    await document.upTo(line);
    return document.lines.rowOfLine(line);
  });
  const row = call.step === "done" ? call.value : undefined;
  return useMemo(() => (row === undefined ? undefined : { row }), [call.step === "done" && call]);
}
