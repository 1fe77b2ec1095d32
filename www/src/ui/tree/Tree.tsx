/** A tree of files, of any size: only the rows on screen are rendered. @module */

import { useCallback, useId, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { count, plural } from "../../format/format.ts";
import { leavePlace, placeOf } from "../../page/place.ts";
import { type Catalogue, MARKS } from "../../protocol/catalogue.ts";
import { IconButton } from "../controls/index.ts";
import { FilterBox } from "./FilterBox.tsx";
import { useFilter } from "./filtering.ts";
import { Head } from "./Head.tsx";
import { CloseAllIcon, OpenAllIcon } from "./icons.tsx";
import { TreeKeys } from "./keys.ts";
import { modelOf } from "./model.ts";
import { Row } from "./Row.tsx";
import { useViewport, viewportOf } from "./viewport.ts";
import { scrollHeight, scrollTo, windowOf } from "./window.ts";
import { COLUMNS, type Column } from "./words.ts";
import "./tree.css";

/** What a tree shows, and whom it tells. Used for the image, for one layer's changes, and for comparisons. */
export interface TreeProps {
  catalogue: Catalogue;
  /** Its name for screen readers. */
  label: string;
  /** The selected entry; its folders are opened. */
  selected: number | undefined;
  onSelect(entry: number): void;
  /** Columns beside the name; all by default. Those that find no room are hidden, the last ones first. */
  columns?: readonly Column[] | undefined;
  /** `false`: without the box that filters. */
  filter?: boolean | undefined;
  /** Show these entries only, with the folders that they are in. Another array only where others are to be shown. */
  only?: Uint32Array | undefined;
  /** What stands in place of rows where there are none. */
  empty?: string | undefined;
}

export function Tree(props: TreeProps) {
  const { catalogue, label, selected, onSelect, columns = COLUMNS, filter = true, only } = props;
  const model = modelOf(catalogue);
  model.setOnly(only);
  const [, render] = useReducer((n: number) => n + 1, 0);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const keys = useRef(new TreeKeys());
  /** The first match is to be chosen as soon as it is known. */
  const wantsFirst = useRef(false);
  const [query, setQuery] = useState(model.filter?.query ?? "");
  const [viewport, look] = useViewport(
    list,
    useCallback(() => model.scrollTop, [model]),
  );
  const marks = hasMarks(catalogue);

  const show = (place: "nearest" | "middle"): void => {
    render(0);
    const element = list.current;
    if (!element) return;
    const isHidden = element.clientHeight === 0;
    const view = isHidden ? { ...viewport, top: model.scrollTop } : viewportOf(element);
    setHeight(element, model.rows.count);
    model.scrollTop = scrollTo(model.cursorRow, model.rows.count, view, place);
    if (!isHidden && model.scrollTop !== element.scrollTop) element.scrollTop = model.scrollTop;
    look();
  };
  const scrollBack = (top: number): void => {
    render(0);
    model.scrollTop = top;
    const element = list.current;
    if (!element || element.clientHeight === 0) return;
    setHeight(element, model.rows.count);
    element.scrollTop = top;
    look();
  };
  const problem = useFilter(model, query, () => {
    show("nearest");
    if (wantsFirst.current) choose(model.cursor);
    wantsFirst.current = false;
  });

  useLayoutEffect(() => {
    // A tree that is shown again is as it was left.
    if (selected === model.revealed) return;
    model.revealed = selected;
    const place = placeOf(listName(catalogue));
    if (place !== undefined) {
      if (selected !== undefined && selected !== 0) model.reveal(selected);
      if (!model.filter) setQuery("");
      return scrollBack(place);
    }
    if (selected === undefined || selected === 0) return;
    if (model.cursor === selected && model.rowOf(selected) >= 0) return show("nearest");
    model.reveal(selected);
    if (!model.filter) {
      setQuery("");
      if (model.isFolder(selected)) model.setOpen(selected, true);
    }
    show("middle");
  }, [model, selected]);
  useLayoutEffect(() => setQuery(model.filter?.query ?? ""), [model]);

  const choose = (entry: number): void => {
    if (model.rowOf(entry) < 0) return;
    leavePlace(listName(catalogue), model.scrollTop);
    onSelect(entry);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && model.filter) setQuery("");
    const page = Math.max(1, Math.floor(viewport.height / viewport.rowHeight) - 1);
    const effect = keys.current.press(model, event, page, event.timeStamp);
    if (effect === "none") return;
    event.preventDefault();
    if (effect === "chosen") {
      if (model.canOpen(model.cursor)) model.setOpen(model.cursor, !model.isOpen(model.cursor));
      choose(model.cursor);
    }
    show("nearest");
  };
  const onClick = (event: MouseEvent): void => {
    const target = event.target instanceof Element ? event.target : undefined;
    const row = target?.closest<HTMLElement>("[data-row]");
    if (!row) return;
    const entry = model.rows.entries[Number(row.dataset.row)] ?? 0;
    const isTwisty = target?.closest(".tree-twisty") !== null;
    const isOpen = model.isOpen(entry);
    model.moveTo(Number(row.dataset.row));
    // A click on a name opens a folder; it closes the one that is selected already.
    if (isTwisty || !isOpen || entry === selected) model.setOpen(entry, !isOpen);
    if (!isTwisty || !model.canOpen(entry)) choose(entry);
    list.current?.focus({ preventScroll: true });
    show("nearest");
  };

  const { rows } = model;
  const { from, to, offset } = windowOf(rows.count, viewport);
  const cursorRow = model.rowOf(model.cursor);
  const shown = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  // The row that has the keys' focus is there for screen readers also where it is scrolled away.
  if (cursorRow >= 0 && (cursorRow < from || cursorRow >= to)) shown.push(cursorRow);
  return (
    <div class={`tree sorts-${model.sort.key}`}>
      <div class="tree-tools">
        {filter && (
          <FilterBox
            input={input}
            query={query}
            said={problem ?? (model.filter ? found(model.filter.matches.length, catalogue.count - 1) : "")}
            onInput={(text) => {
              wantsFirst.current = false;
              setQuery(text);
            }}
            onLeave={(isChosen) => {
              list.current?.focus();
              // What stands in the box now: it may not be rendered yet.
              wantsFirst.current = isChosen && input.current?.value !== (model.filter?.query ?? "");
              if (isChosen && !wantsFirst.current) choose(model.cursor);
            }}
          />
        )}
        {([true, false] as const).map((opens) => (
          <IconButton
            key={`${opens}`}
            label={opens ? "Open all folders" : "Close all folders"}
            icon={opens ? OpenAllIcon : CloseAllIcon}
            onClick={() => {
              model.setAllOpen(opens);
              show("nearest");
            }}
          />
        ))}
      </div>
      <Head
        model={model}
        columns={columns}
        onSort={(key) => {
          model.sortBy(key);
          show("nearest");
        }}
      />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its role is given below */}
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles have labels */}
      <div
        ref={list}
        class="tree-list"
        // A tree without items is none.
        role={rows.count > 0 ? "tree" : "group"}
        aria-label={label}
        tabIndex={0}
        aria-activedescendant={cursorRow >= 0 ? `${id}-${model.cursor}` : undefined}
        onKeyDown={onKeyDown}
        onClick={onClick}
        onFocus={() => {
          if (model.rowOf(model.cursor) >= 0) return;
          model.moveTo(Math.ceil(viewport.top / viewport.rowHeight));
          render(0);
        }}
        onScroll={() => {
          if (list.current && list.current.clientHeight > 0) model.scrollTop = list.current.scrollTop;
          look();
        }}
      >
        <div class="tree-rows" role="presentation" style={{ height: scrollHeight(rows.count, viewport) }}>
          {shown.map((row) => {
            const entry = rows.entries[row] ?? 0;
            return (
              <Row
                key={entry}
                id={`${id}-${entry}`}
                model={model}
                row={row}
                top={offset + (row - from) * viewport.rowHeight}
                columns={columns}
                marks={marks}
                isSelected={entry === selected}
                hasCursor={row === cursorRow}
              />
            );
          })}
        </div>
        {rows.count === 0 && (
          <p class="tree-empty">{model.filter ? "Nothing matches." : (props.empty ?? "No files.")}</p>
        )}
      </div>
    </div>
  );
}

/** Gives a list its height before it is rendered: what is below its old end cannot be scrolled to. */
function setHeight(list: HTMLElement, rows: number): void {
  const inner = list.firstElementChild;
  if (inner instanceof HTMLElement) inner.style.height = `${scrollHeight(rows, viewportOf(list))}px`;
}

function listName(c: Catalogue): string {
  return `tree ${c.id}`;
}

function found(matches: number, of: number): string {
  return `${count(matches)} of ${plural(of, "entry").replace(/entrys$/, "entries")}`;
}

const NONE = MARKS.indexOf("none");
const marked = new WeakMap<Catalogue, boolean>();

function hasMarks(c: Catalogue): boolean {
  const known = marked.get(c) ?? c.mark.some((mark) => mark !== NONE);
  marked.set(c, known);
  return known;
}
