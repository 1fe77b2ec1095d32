/** The column headers of a tree: buttons that sort. @module */
import { DownIcon } from "../controls/icons.tsx";
import type { TreeModel } from "./model.ts";
import type { SortKey } from "./order.ts";
import type { Column } from "./words.ts";

const TITLES: Record<Column | "name", string> = {
  name: "Name",
  size: "Size",
  mtime: "Modified",
  layer: "Layer",
  mode: "Mode",
  owner: "Owner",
};

const ORDERS: Record<SortKey, [ascending: string, descending: string]> = {
  name: ["A to Z", "Z to A"],
  size: ["smallest first", "largest first"],
  mtime: ["oldest first", "newest first"],
  layer: ["lowest first", "highest first"],
};

interface HeadProps {
  model: TreeModel;
  columns: readonly Column[];
  onSort(key: SortKey): void;
}

export function Head({ model, columns, onSort }: HeadProps) {
  return (
    <div class="tree-head">
      {(["name", ...columns] as const).map((column) => (
        <span key={column} class={column === "name" ? "tree-name" : `tree-cell tree-cell-${column}`}>
          {column === "mode" || column === "owner" ? (
            TITLES[column]
          ) : (
            <SortButton column={column} model={model} onSort={onSort} />
          )}
        </span>
      ))}
    </div>
  );
}

function SortButton(props: { column: SortKey } & Pick<HeadProps, "model" | "onSort">) {
  const { column, model, onSort } = props;
  const { key, descending } = model.sort;
  const isSorted = key === column;
  const order = ORDERS[column][descending ? 1 : 0];
  return (
    <button
      type="button"
      class={isSorted ? (descending ? "is-sorted is-descending" : "is-sorted") : undefined}
      aria-pressed={isSorted}
      aria-label={isSorted ? `${TITLES[column]}, ${order}` : `Sort by ${TITLES[column].toLowerCase()}`}
      title={isSorted ? `Sorted: ${order}` : `Sort by ${TITLES[column].toLowerCase()}`}
      onClick={() => onSort(column)}
    >
      {TITLES[column]}
      <span class="tree-arrow">
        <DownIcon />
      </span>
    </button>
  );
}
