/** A file's content: the ways to show it, in tabs. @module */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Presentation, type Presentations, presentationsOf } from "../../format/presentation.ts";
import { engine } from "../../page/engine.ts";
import { address } from "../../page/location.ts";
import { refreshCost } from "../../page/session.ts";
import { type ReadRange, TextDocument } from "../../page/text-document.ts";
import type { FileFacts, FileRef, Identity } from "../../protocol/api.ts";
import { displayPath } from "../../protocol/path.ts";
import { Tabs } from "../controls/index.ts";
import { useCall } from "../shared/use-call.ts";
import { AboutView } from "./AboutView.tsx";
import { DocumentView, PageView } from "./DocumentView.tsx";
import { HexView } from "./HexView.tsx";
import { JsonView } from "./JsonView.tsx";
import { Pending } from "./Pending.tsx";
import { PictureView } from "./PictureView.tsx";
import { TextView } from "./TextView.tsx";

/** Bytes that are read at once; of a larger text the rest comes as one scrolls. */
const FIRST = 256 << 10;

const TITLES: Record<Presentation, string> = {
  text: "Text",
  json: "Folded",
  document: "Document",
  picture: "Picture",
  page: "Page",
  hex: "Hex",
  about: "About",
};

/** What was chosen for a file in this visit, by its key. */
const chosen = new Map<string, Presentation>();

interface ContentProps {
  file: FileRef;
  facts: FileFacts;
  /** Told what the content says that it is. */
  onTitle(title: string | undefined): void;
}

export function Content({ file, facts, onTitle }: ContentProps) {
  const key = JSON.stringify(file);
  const call = useCall(key, async (options) =>
    facts.size === 0 ? new Uint8Array(0) : (await engine.read([file, 0, FIRST], options)).data,
  );
  if (call.step !== "done") {
    return (
      <div class="file-scroll">
        <div class="file-pad">
          <Pending call={call} doing="Reading" />
        </div>
        {call.step === "failed" && <AboutView file={file} facts={facts} />}
      </div>
    );
  }
  return <Shown key={key} file={file} facts={facts} first={call.value} onTitle={onTitle} />;
}

function Shown({ file, facts, first, onTitle }: ContentProps & { first: Uint8Array }) {
  const key = JSON.stringify(file);
  const { size } = facts;
  const name = displayPath(file.path);
  const ways = useMemo(
    () => presentationsOf(name.slice(name.lastIndexOf("/") + 1), size, first),
    [name, size, first],
  );
  const [selected, setSelected] = useState(() => startWith(ways, chosen.get(key)));
  const read: ReadRange = async (start, end, signal) =>
    (await engine.read([file, start, end], { signal })).data;
  const text = useText(ways, first, size, read);
  const identity = useCall(`${key} ${ways.hasFacts}`, (options) =>
    ways.hasFacts ? engine.identify([file], options) : Promise.resolve(undefined),
  );
  const title = identity.step === "done" ? (identity.value as Identity | undefined)?.title : undefined;
  useEffect(() => onTitle(title), [title, onTitle]);
  const hasLines = address.value.lines !== undefined;
  // Marked lines are those of the text.
  useEffect(() => {
    if (hasLines && ways.list.includes("text")) setSelected("text");
  }, [hasLines, ways]);
  const select = (way: Presentation): void => {
    chosen.set(key, way);
    setSelected(way);
  };
  const show = () => {
    if (selected === "about") {
      return (
        <div class="file-scroll">
          {size === 0 && <p class="file-pad">The file is empty.</p>}
          <AboutView file={file} facts={facts} identity={ways.hasFacts ? identity : undefined} />
        </div>
      );
    }
    if (selected === "hex") return <HexView size={size} first={first} read={read} name={name} />;
    if (selected === "picture" && ways.picture) {
      const readAll = async (signal: AbortSignal) => (await engine.read([file], { signal })).data;
      return <PictureView name={name} size={size} type={ways.picture} readAll={readAll} />;
    }
    if (!text) return null;
    if (selected === "text") return <TextView document={text} presentations={ways} name={name} />;
    return (
      <Whole text={text}>
        {(whole) => {
          if (selected === "json") return <JsonView text={whole} name={name} />;
          if (selected === "page") return <PageView text={whole} name={name} />;
          return (
            <div class="file-scroll">
              <DocumentView text={whole} path={file.path} name={name} />
            </div>
          );
        }}
      </Whole>
    );
  };
  return (
    <Tabs
      label="Ways to show it"
      tabs={ways.list.map((id) => ({ id, title: TITLES[id] }))}
      selected={selected}
      onSelect={select}
    >
      {show()}
    </Tabs>
  );
}

function startWith(ways: Presentations, before: Presentation | undefined): Presentation {
  if (address.peek().lines && ways.list.includes("text")) return "text";
  return before && ways.list.includes(before) ? before : (ways.list[0] ?? "about");
}

/** The text of a file that is one. */
function useText(
  ways: Presentations,
  first: Uint8Array,
  size: number,
  read: ReadRange,
): TextDocument | undefined {
  const latest = useRef(read);
  latest.current = read;
  const text = useMemo(
    () =>
      ways.encoding &&
      new TextDocument(first, size, ways.encoding, (start, end, signal) =>
        latest.current(start, end, signal),
      ),
    [ways, first, size],
  );
  useEffect(() => () => text?.close(), [text]);
  return text;
}

/** Waits for all of a text. */
function Whole({ text, children }: { text: TextDocument; children(whole: string): JSX.Element }) {
  const state = text.state.value;
  const call = useCall(String(state === "done"), async () => {
    while (text.state.peek() === "ready") await text.more();
    if (text.state.peek() === "failed") throw text.error;
    await refreshCost();
    return text.wholeText();
  });
  if (call.step === "done" && state === "done") return children(call.value);
  const retry = (): void => {
    if (call.step === "failed") void text.more().then(call.retry);
  };
  const shown = call.step === "failed" ? { ...call, retry } : ({ step: "running", progress: {} } as const);
  return (
    <div class="file-pad">
      <Pending call={shown} doing="Reading" />
    </div>
  );
}
