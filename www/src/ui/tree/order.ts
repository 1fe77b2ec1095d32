/** In which order a tree shows the entries of its folders. @module */
import { type Catalogue, TYPES } from "../../protocol/catalogue.ts";
import { sortByNumber } from "./radix.ts";

/** What a tree can be sorted by. */
export const SORT_KEYS = ["name", "size", "mtime", "layer"] as const;

/** What a tree is sorted by. */
export type SortKey = (typeof SORT_KEYS)[number];

/** An order of entries. Equal ones are in the order of their names. */
export interface Sort {
  key: SortKey;
  descending: boolean;
}

/** By name, as at first. */
export const BY_NAME: Sort = { key: "name", descending: false };

/** The entries of every folder in an order: those of `folder` are `list[starts[folder]]` up to `starts[folder + 1]`. */
export interface Order {
  readonly starts: Uint32Array;
  readonly list: Uint32Array;
}

const DIRECTORY = TYPES.indexOf("directory");

/** Sorts a whole catalogue, in linear time. By name, folders come first. */
export function orderOf(c: Catalogue, { key, descending }: Sort): Order {
  const { count, parent, type } = c;
  const starts = new Uint32Array(count + 1);
  for (let at = 1; at < count; at++) starts[(parent[at] ?? 0) + 1] = (starts[(parent[at] ?? 0) + 1] ?? 0) + 1;
  for (let at = 0; at < count; at++) starts[at + 1] = (starts[at + 1] ?? 0) + (starts[at] ?? 0);
  const list = new Uint32Array(Math.max(0, count - 1));
  const next = starts.slice(0, count);
  const put = (at: number): void => {
    const folder = parent[at] ?? 0;
    const to = next[folder] ?? 0;
    next[folder] = to + 1;
    list[to] = at;
  };
  if (key === "name") {
    const from = descending ? count - 1 : 1;
    const step = descending ? -1 : 1;
    for (let at = from; at > 0 && at < count; at += step) if (type[at] === DIRECTORY) put(at);
    for (let at = from; at > 0 && at < count; at += step) if (type[at] !== DIRECTORY) put(at);
  } else {
    for (const at of sortByNumber(c[key], descending)) if (at !== 0) put(at);
  }
  return { starts, list };
}
