/** A JSON document, folded; its texts are those of the file. @module */

import { useEffect, useMemo, useState } from "preact/hooks";
import { count } from "../../format/format.ts";
import type { JsonColumns } from "../../format/json.ts";
import { allOpen, firstOpen, isNested, type JsonRow, jsonRows, kindOf } from "../../format/json-rows.ts";
import { parseJson } from "../../page/preview.ts";
import { DownIcon, RightIcon } from "../controls/icons.tsx";
import { Button, CopyButton, Note } from "../controls/index.ts";
import { useCall } from "../shared/use-call.ts";
import { markedText } from "./marked-text.tsx";
import { Pending } from "./Pending.tsx";
import { Rows } from "./Rows.tsx";

const ROW_HEIGHT = 20;
/** Longer texts of one value are cut in this view. */
const MAX_SHOWN = 2000;

/** `text`: the whole document. `name` names it. */
export function JsonView({ text, name }: { text: string; name: string }) {
  const call = useCall(name, ({ signal }) => parseJson(text, signal));
  if (call.step !== "done") {
    return <Pending call={call} doing="Reading the JSON" />;
  }
  const { value } = call;
  if ("offset" in value) {
    const line = text.slice(0, value.offset).split("\n").length;
    return (
      <div class="file-pad">
        <Note kind="careful" title={`It is no JSON from line ${count(line)} on`}>
          The text view shows it as it is.
        </Note>
      </div>
    );
  }
  return <Folded columns={value} text={text} name={name} />;
}

function Folded({ columns, text, name }: { columns: JsonColumns; text: string; name: string }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(() => firstOpen(columns));
  useEffect(() => setOpen(firstOpen(columns)), [columns]);
  const rows = useMemo(() => jsonRows(columns, open), [columns, open]);
  const toggle = (at: number): void => {
    const next = new Set(open);
    if (!next.delete(at)) next.add(at);
    setOpen(next);
  };
  const render = (i: number) => {
    const row = rows[i];
    return <JsonLine key={i} index={i} row={row as JsonRow} {...{ columns, text, open, toggle }} />;
  };
  return (
    <div class="json column">
      <div class="file-bar hint figures">
        <span class="file-bar-facts">{count(columns.kind.length)} values</span>
        <Button kind="quiet" onClick={() => setOpen(allOpen(columns))}>
          Open all
        </Button>
        <Button kind="quiet" onClick={() => setOpen(new Set([0]))}>
          Close all
        </Button>
        <CopyButton label="Copy text" text={text} />
      </div>
      <Rows
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        isWrapped
        of={name}
        label={`Values of ${name}`}
        class="json-rows"
        render={render}
      />
    </div>
  );
}

interface LineProps {
  index: number;
  row: JsonRow;
  columns: JsonColumns;
  text: string;
  open: ReadonlySet<number>;
  toggle(at: number): void;
}

function JsonLine({ index, row, columns: c, text, open, toggle }: LineProps) {
  const { at, depth, isEnd, hasNext } = row;
  const isArray = kindOf(c, at) === "array";
  const [left, right] = isArray ? "[]" : "{}";
  const comma = hasNext ? "," : "";
  const key = isEnd ? "" : text.slice(c.keyStart[at], c.keyEnd[at]);
  const size = c.size[at] ?? 0;
  const isOpen = open.has(at) && size > 0;
  const sizeWords = `${count(size)} ${isArray ? "items" : "keys"}`;
  return (
    <div
      class="json-row"
      style={{ paddingInlineStart: `calc(${Math.min(depth, 40)} * 2ch + 22px)` }}
      data-row={index}
    >
      {!isEnd && isNested(c, at) && size > 0 && (
        <button
          type="button"
          class="json-toggle"
          aria-expanded={isOpen}
          aria-label={`${key || "item"}, ${sizeWords}`}
          onClick={() => toggle(at)}
        >
          {isOpen ? <DownIcon /> : <RightIcon />}
        </button>
      )}
      {key && (
        <>
          <span class="code-attribute">{markedText(key, undefined, 0)}</span>
          {": "}
        </>
      )}
      {isEnd ? (
        right
      ) : !isNested(c, at) ? (
        <Scalar text={text.slice(c.start[at], c.end[at])} kind={kindOf(c, at)} />
      ) : (
        <>
          {left}
          {!isOpen && size > 0 && <span class="hint">{` ${sizeWords} `}</span>}
          {!isOpen && right}
        </>
      )}
      {!isOpen || isEnd ? comma : ""}
    </div>
  );
}

function Scalar({ text, kind }: { text: string; kind: string }) {
  const shown = text.length > MAX_SHOWN ? text.slice(0, MAX_SHOWN) : text;
  return (
    <>
      <span class={kind === "string" ? "code-string" : "code-number"}>{markedText(shown, undefined, 0)}</span>
      {shown.length < text.length && (
        <span class="hint"> … {count(text.length - shown.length)} more characters</span>
      )}
    </>
  );
}
