/** Lines of a difference as the rows of a table. @module */
import type { DiffHunk, DiffLine } from "../protocol/api.ts";

/** A row: one line, or in two columns what stands for each other. `gap`: lines are left out here. */
export type DiffRow =
  | { kind: "gap" }
  | { kind: "line"; line: DiffLine }
  | { kind: "pair"; left: DiffLine | undefined; right: DiffLine | undefined };

/** One line a row, hunks with a gap between them. */
export function unifiedRows(hunks: readonly DiffHunk[]): DiffRow[] {
  return hunks.flatMap((hunk) => [
    ...gapBefore(hunk),
    ...hunk.lines.map((line): DiffRow => ({ kind: "line", line })),
  ]);
}

/** Both sides beside each other: what is removed, and what is added in its place. */
export function pairedRows(hunks: readonly DiffHunk[]): DiffRow[] {
  return hunks.flatMap((hunk) => [...gapBefore(hunk), ...pairs(hunk.lines)]);
}

function gapBefore({ lines: [first] }: DiffHunk): DiffRow[] {
  return Math.max(first?.left ?? 0, first?.right ?? 0) > 1 ? [{ kind: "gap" }] : [];
}

function pairs(lines: readonly DiffLine[]): DiffRow[] {
  const rows: DiffRow[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = (): void => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      rows.push({ kind: "pair", left: removed[i], right: added[i] });
    }
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.kind === "same") {
      flush();
      rows.push({ kind: "pair", left: line, right: line });
    } else if (line.kind === "removed") {
      if (added.length > 0) flush();
      removed.push(line);
    } else added.push(line);
  }
  flush();
  return rows;
}
