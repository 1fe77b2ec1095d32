/** Two trees as one, with marks of what differs. @module */
import type { Comparison, Tally } from "../../protocol/api.ts";
import {
  type Catalogue,
  firstDifference,
  MARKS,
  type Mark,
  markOf,
  typeOf,
} from "../../protocol/catalogue.ts";
import { CatalogueBuilder, type Row } from "./builder.ts";

/** One side: its entries in depth-first order, and the digests of the layers that these come from. */
export interface Side {
  rows: AsyncIterable<Row> | Iterable<Row>;
  layers: readonly string[];
  /** Where its format makes one tree of all layers, its digest: entries then tell nothing of the layers that they come from. */
  merged?: string | undefined;
}

/** The tree of both; what is removed stands behind what is added in its place. */
export async function mergeTrees(left: Side, right: Side): Promise<CatalogueBuilder> {
  const out = new CatalogueBuilder();
  const [nextLeft, nextRight] = [reader(left.rows), reader(right.rows)];
  let [a, b] = [await nextLeft(), await nextRight()];
  while (a || b) {
    const order = a && b ? orderOf(a, b) : a ? -1 : 1;
    if (a && order < 0) out.add(ofSide("removed", a), "removed");
    else if (b && order > 0) out.add(ofSide("added", b), "added");
    else if (a && b) out.add(b, isSameEntry(left, a, right, b) ? "none" : comparedMark(a, b));
    if (order <= 0) a = await nextLeft();
    if (order >= 0) b = await nextRight();
  }
  return out;
}

/** How many files of a merged tree have which mark. */
export function talliesOf(
  builder: CatalogueBuilder,
  c: Catalogue,
): Pick<Comparison, "added" | "changed" | "removed" | "unverifiedSame"> {
  const tallies = Object.fromEntries(MARKS.map((mark) => [mark, { files: 0, bytes: 0 }])) as Record<
    Mark,
    Tally
  >;
  for (let at = 1; at < c.count; at++) {
    if (typeOf(c, at) === "directory") continue;
    const tally = tallies[markOf(c, at)];
    tally.files++;
    if (builder.counts(at)) tally.bytes += c.size[at] ?? 0;
  }
  const { added, changed, removed, "unverified-same": unverifiedSame } = tallies;
  return { added, changed, removed, unverifiedSame };
}

function reader(rows: Side["rows"]): () => Promise<Row | undefined> {
  const iterator = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  return async () => {
    const { done, value } = await iterator.next();
    return done ? undefined : value;
  };
}

/**
 * Which of two entries comes first: negative for the left one. The deeper one is in a folder that the other side has left, or
 * has not; of two of a name of which one is a folder, the right one comes first, and all that is in it.
 */
function orderOf(a: Row, b: Row): number {
  if (a.depth !== b.depth) return b.depth - a.depth;
  const isTurned = (a.type === "directory") !== (b.type === "directory");
  return compareBytes(a.name, b.name) || Number(isTurned);
}

function compareBytes(x: Uint8Array, y: Uint8Array): number {
  const at = firstDifference(x, y);
  return at === undefined ? 0 : (x[at] ?? -1) - (y[at] ?? -1);
}

/** Names of one file are told apart from those of the other side. */
function ofSide(mark: Mark, row: Row): Row {
  return row.inode === undefined ? row : { ...row, inode: `${mark}:${row.inode}` };
}

/** Whether both come from one layer, in which a path has one entry. */
function isSameEntry(left: Side, a: Row, right: Side, b: Row): boolean {
  const origin = left.merged ?? left.layers[a.layer];
  return origin !== undefined && origin === (right.merged ?? right.layers[b.layer]);
}

function comparedMark(a: Row, b: Row): Mark {
  if (ATTRIBUTES.some((name) => a[name] !== b[name])) return "changed";
  if (b.type !== "file") return "none";
  if (a.size !== b.size || !Object.is(a.mtime, b.mtime)) return "changed";
  return b.size === 0 ? "none" : "unverified-same";
}

/** Of folders and links, these are all that counts. */
const ATTRIBUTES = ["type", "mode", "uid", "gid", "link", "extra"] as const;
