/** A JSON document, folded; its texts are those of the file. @module */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { count } from "../../format/format.ts";
import type { JsonColumns } from "../../format/json.ts";
import { allOpen, firstOpen, isNested, type JsonRow, jsonRows, kindOf } from "../../format/json-rows.ts";
import { parseJson } from "../../page/preview.ts";
import { Button } from "../controls/Button.tsx";
import { CopyButton } from "../controls/CopyButton.tsx";
import { DownIcon, RightIcon } from "../controls/icons.tsx";
import { Note } from "../controls/Note.tsx";
import { Spinner } from "../controls/Spinner.tsx";
import "./json.css";
import { markedText } from "./marked-text.tsx";
import { Problem } from "./Problem.tsx";
import { Rows } from "./Rows.tsx";
import { useCall } from "./use-call.ts";

const ROW_HEIGHT = 20;
/** Longer texts of one value are cut in this view. */
const MAX_SHOWN = 2000;

/** `text`: the whole document. `name` names it. */
export function JsonView({ text, name }: { text: string; name: string }): JSX.Element {
  const call = useCall(name, (signal) => parseJson(text, signal));
  if (call.step === "running") return <Spinner label="Reading the JSON" />;
  if (call.step === "failed") {
    return <Problem error={call.error} what="The JSON could not be read" retry={call.retry} />;
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

function Folded({ columns, text, name }: { columns: JsonColumns; text: string; name: string }): JSX.Element {
  const [open, setOpen] = useState<ReadonlySet<number>>(() => firstOpen(columns));
  useEffect(() => setOpen(firstOpen(columns)), [columns]);
  const rows = useMemo(() => jsonRows(columns, open), [columns, open]);
  const toggle = (at: number): void => {
    const next = new Set(open);
    if (!next.delete(at)) next.add(at);
    setOpen(next);
  };
  const render = (i: number): JSX.Element => {
    const row = rows[i];
    return <JsonLine key={i} index={i} row={row as JsonRow} {...{ columns, text, open, toggle }} />;
  };
  return (
    <div class="json">
      <div class="file-bar">
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

function JsonLine({ index, row, columns: c, text, open, toggle }: LineProps): JSX.Element {
  const { at, depth, isEnd, hasNext } = row;
  const [left, right] = kindOf(c, at) === "array" ? ["[", "]"] : ["{", "}"];
  const comma = hasNext ? "," : "";
  const indent = { paddingInlineStart: `calc(${Math.min(depth, 40)} * 2ch + 22px)` };
  if (isEnd) {
    return (
      <div class="json-row" style={indent} data-row={index}>
        {right}
        {comma}
      </div>
    );
  }
  const key = text.slice(c.keyStart[at], c.keyEnd[at]);
  const size = c.size[at] ?? 0;
  const canOpen = isNested(c, at) && size > 0;
  const isOpen = open.has(at);
  const said = `${key || "item"}, ${size} ${left === "[" ? "items" : "keys"}`;
  return (
    <div class="json-row" style={indent} data-row={index}>
      {canOpen && (
        <button
          type="button"
          class="json-toggle"
          aria-expanded={isOpen}
          aria-label={said}
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
      {isNested(c, at) ? (
        <Nested brackets={[left as string, right as string]} isOpen={isOpen} size={size} comma={comma} />
      ) : (
        <Scalar text={text.slice(c.start[at], c.end[at])} kind={kindOf(c, at)} comma={comma} />
      )}
    </div>
  );
}

function Nested(props: {
  brackets: [string, string];
  isOpen: boolean;
  size: number;
  comma: string;
}): JSX.Element {
  const [left, right] = props.brackets;
  if (props.size === 0) return <>{`${left}${right}${props.comma}`}</>;
  if (props.isOpen) return <>{left}</>;
  return (
    <>
      {left}
      <span class="json-size">{` ${count(props.size)} ${left === "[" ? "items" : "keys"} `}</span>
      {right}
      {props.comma}
    </>
  );
}

function Scalar({ text, kind, comma }: { text: string; kind: string; comma: string }): JSX.Element {
  const shown = text.length > MAX_SHOWN ? text.slice(0, MAX_SHOWN) : text;
  return (
    <>
      <span class={kind === "string" ? "code-string" : "code-number"}>{markedText(shown, undefined, 0)}</span>
      {shown.length < text.length && (
        <span class="json-size"> … {count(text.length - shown.length)} more characters</span>
      )}
      {comma}
    </>
  );
}
