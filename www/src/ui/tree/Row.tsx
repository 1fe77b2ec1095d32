/** One row of a tree. @module */
import { textOf, visible } from "../../format/visible.ts";
import { markOf, nameBytes } from "../../protocol/catalogue.ts";
import { displayPath, pathOf } from "../../protocol/path.ts";
import { RightIcon } from "../controls/icons.tsx";
import { KindIcon } from "./icons.tsx";
import { highlight } from "./matches.ts";
import type { TreeModel } from "./model.ts";
import { type Column, cellOf, kindOf, MARK_WORDS, noteOf, tipOf, wordOf } from "./words.ts";

/** Deeper rows are not moved in further: names need room. */
const MAX_INDENT = 24;

interface RowProps {
  model: TreeModel;
  id: string;
  row: number;
  top: number;
  columns: readonly Column[];
  marks: boolean;
  isSelected: boolean;
  hasCursor: boolean;
}

export function Row({ model, id, row, top, columns, marks, isSelected, hasCursor }: RowProps) {
  const { catalogue: c, rows } = model;
  const entry = rows.entries[row] ?? 0;
  const level = rows.levels[row] ?? 1;
  const canOpen = model.canOpen(entry);
  const isOpen = model.isOpen(entry);
  const mark = marks ? markOf(c, entry) : "none";
  const classes = ["tree-row", mark !== "none" && `tone-${mark}`, hasCursor && "has-cursor"];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      role="treeitem"
      id={id}
      tabIndex={-1}
      data-row={row}
      aria-level={level}
      aria-posinset={rows.positions[row]}
      aria-setsize={rows.siblings[row]}
      aria-expanded={canOpen ? isOpen : undefined}
      aria-selected={isSelected}
      title={tipOf(c, entry)}
      style={{ transform: `translateY(${top}px)`, "--level": Math.min(level, MAX_INDENT) }}
    >
      <span class="tree-name">
        <span class={isOpen ? "tree-twisty is-open" : "tree-twisty"}>{canOpen && <RightIcon />}</span>
        <KindIcon kind={kindOf(c, entry, isOpen)} />
        <Name model={model} entry={entry} />
        {mark !== "none" && (
          <span class="tree-mark">
            <span aria-hidden="true">{MARK_WORDS[mark].letter}</span>
            <span class="unseen">{MARK_WORDS[mark].words}</span>
          </span>
        )}
      </span>
      {columns.map((column) => (
        // Read aloud is what one looks for in a list: all else is said of the file itself.
        <span
          key={column}
          class={`tree-cell tree-cell-${column}`}
          aria-hidden={column === "size" ? undefined : "true"}
        >
          {cellOf(c, entry, column)}
        </span>
      ))}
    </div>
  );
}

function Name({ model, entry }: { model: TreeModel; entry: number }) {
  const { catalogue: c, filter } = model;
  const text = textOf(nameBytes(c, entry));
  const target = c.links.get(entry);
  const note = noteOf(c, entry);
  return (
    <span class="tree-text">
      <bdi>
        {filter && model.isMatch(entry) ? <Marked text={text} model={model} entry={entry} /> : visible(text)}
      </bdi>
      <span class="unseen">{wordOf(c, entry)}</span>
      {target !== undefined && (
        <span class="tree-target faint">
          {" → "}
          <bdi>{visible(target)}</bdi>
        </span>
      )}
      {note !== "" && <span class="tree-target faint"> {note}</span>}
    </span>
  );
}

function Marked({ text, model, entry }: { text: string; model: TreeModel; entry: number }) {
  const { catalogue: c, filter } = model;
  const folder = displayPath(pathOf(c, c.parent[entry] ?? 0));
  const parts = highlight(text, folder === "/" ? folder : `${folder}/`, filter?.query ?? "");
  // Parts of a name have ends that it has not, so spaces there are not odd.
  const [before, found, after] = visible(text) === text ? parts : parts.map(visible);
  return (
    <>
      {before}
      {found && <mark>{found}</mark>}
      {after}
    </>
  );
}
