/** State of a tree: its rows and its cursor, apart from how it looks. @module */
import { type Catalogue, chainOf, typeOf } from "../../protocol/catalogue.ts";
import { entryAt, pathOf } from "../../protocol/path.ts";
import { foldedText, ownMatches, startsWith } from "./matches.ts";
import { BY_NAME, type Order, orderOf, type Sort } from "./order.ts";
import { ABOVE, MATCH, type Rows, rowsOf, type Shown, shownOf } from "./rows.ts";

/** Trees of up to so many rows are opened as a whole where only some entries are shown. */
const OPEN_ALL = 400;

/** What is looked for, and what was found. */
export interface Filter {
  readonly query: string;
  /** Entries whose own names match, in the catalogue's order. */
  readonly matches: Uint32Array;
}

/** A tree's state. It outlives the component, so that a tree is found as it was left. */
export class TreeModel {
  readonly catalogue: Catalogue;
  /** How far it is scrolled. */
  scrollTop = 0;
  /** The selected entry that was brought into sight last. */
  revealed: number | undefined;
  #sort: Sort = BY_NAME;
  #order: Order;
  /** 1 for each open folder. */
  #open: Uint8Array;
  #only: { entries: Uint32Array; shown: Shown } | undefined;
  #filter: (Filter & { shown: Shown; open: Uint8Array }) | undefined;
  #rows: Rows | undefined;
  #cursor = 0;

  constructor(catalogue: Catalogue) {
    this.catalogue = catalogue;
    this.#order = orderOf(catalogue, BY_NAME);
    this.#open = new Uint8Array(catalogue.count);
  }

  /** The rows as they are now. */
  get rows(): Rows {
    const limits = [this.#only?.shown, this.#filter?.shown].filter((it) => it !== undefined);
    this.#rows ??= rowsOf(this.catalogue, this.#order, this.#isOpen, limits);
    return this.#rows;
  }

  get sort(): Sort {
    return this.#sort;
  }

  get filter(): Filter | undefined {
    return this.#filter;
  }

  /** The entry that keys act on: a row, if there is any. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Is as another tree was that had a part of this one: what was open, the cursor, the order, how far it was scrolled. */
  takeOver(before: TreeModel): void {
    const here = (entry: number): number | undefined =>
      entryAt(this.catalogue, pathOf(before.catalogue, entry));
    for (let entry = before.#open.indexOf(1); entry >= 0; entry = before.#open.indexOf(1, entry + 1)) {
      const folder = here(entry);
      if (folder !== undefined) this.#open[folder] = 1;
    }
    this.#cursor = here(before.#cursor) ?? 0;
    this.#sort = before.#sort;
    this.#order = orderOf(this.catalogue, this.#sort);
    this.#rows = undefined;
    this.scrollTop = before.scrollTop;
  }

  /** Row of an entry, -1 where it is in none. */
  rowOf(entry: number): number {
    return entry === 0 ? -1 : this.rows.entries.indexOf(entry);
  }

  /** Row of the cursor; the first one where it is in none. */
  get cursorRow(): number {
    return Math.max(0, this.rowOf(this.#cursor));
  }

  isFolder(entry: number): boolean {
    return typeOf(this.catalogue, entry) === "directory";
  }

  /** Whether it matches the filter. */
  isMatch(entry: number): boolean {
    return ((this.#filter?.shown.bits[entry] ?? 0) & MATCH) !== 0;
  }

  /** Whether it can be opened: a folder that is not empty. */
  canOpen(entry: number): boolean {
    return (this.catalogue.end[entry] ?? 0) > entry + 1;
  }

  isOpen(entry: number): boolean {
    return this.canOpen(entry) && this.#isOpen[entry] === 1;
  }

  /** Sorts by a key; by the same one once more: the other way round. Sizes and times start with the largest. */
  sortBy(key: Sort["key"]): void {
    const again = this.#sort.key === key;
    this.#sort = { key, descending: again ? !this.#sort.descending : key !== "name" };
    this.#order = orderOf(this.catalogue, this.#sort);
    this.#rows = undefined;
  }

  setOpen(entry: number, isOpen: boolean): void {
    if (!this.canOpen(entry)) return;
    this.#isOpen[entry] = isOpen ? 1 : 0;
    this.#rows = undefined;
    if (!isOpen && this.#isBelow(this.#cursor, entry)) this.#cursor = entry;
  }

  /** Opens or closes all folders. */
  setAllOpen(isOpen: boolean): void {
    this.#isOpen.fill(isOpen ? 1 : 0);
    this.#rows = undefined;
    if (!isOpen) this.#cursor = chainOf(this.catalogue, this.#cursor)[1] ?? 0;
  }

  /** Opens all folders that are in the same folder as the cursor. */
  openSiblings(): void {
    const { parent } = this.catalogue;
    const folder = parent[this.#cursor] ?? 0;
    const { starts, list } = this.#order;
    for (const entry of list.subarray(starts[folder], starts[folder + 1])) this.#isOpen[entry] = 1;
    this.#rows = undefined;
  }

  /** Opens the folders that an entry is in, and puts the cursor there. A filter that hides it is cleared. */
  reveal(entry: number): void {
    if (this.#filter && this.#filter.shown.bits[entry] === 0) this.#filter = undefined;
    for (const folder of chainOf(this.catalogue, entry).slice(1, -1)) {
      this.#open[folder] = 1;
      if (this.#filter) this.#filter.open[folder] = 1;
    }
    this.#rows = undefined;
    this.#cursor = entry;
  }

  /** Puts the cursor into a row; one behind the ends is at the end. */
  moveTo(row: number): void {
    const { entries, count } = this.rows;
    this.#cursor = entries[Math.max(0, Math.min(row, count - 1))] ?? 0;
  }

  /** Puts the cursor on the next row whose name starts with what was typed; further letters may stay where it is. */
  typeahead(typed: string): boolean {
    const { entries, count } = this.rows;
    const prefix = foldedText(typed);
    const first = this.cursorRow + (typed.length > 1 ? 0 : 1);
    for (let i = 0; i < count; i++) {
      const entry = entries[(first + i) % count] ?? 0;
      if (startsWith(this.catalogue, entry, prefix)) {
        this.#cursor = entry;
        return true;
      }
    }
    return false;
  }

  /** Left: closes a folder, or goes to the one above. */
  left(): void {
    const folder = this.catalogue.parent[this.#cursor] ?? 0;
    if (this.isOpen(this.#cursor)) this.setOpen(this.#cursor, false);
    else if (folder !== 0) this.#cursor = folder;
  }

  /** Right: opens a folder, or goes to the first entry in it. */
  right(): void {
    if (!this.canOpen(this.#cursor)) return;
    if (this.isOpen(this.#cursor)) this.moveTo(this.cursorRow + 1);
    else this.setOpen(this.#cursor, true);
  }

  /** Shows certain entries only, with their folders; all without them. */
  setOnly(entries: Uint32Array | undefined): void {
    if (entries === this.#only?.entries) return;
    this.#only = entries && { entries, shown: shownOf(this.catalogue, entries, false) };
    this.#rows = undefined;
    if (!this.#only) return;
    const all = openAbove(this.#only.shown);
    const limits = [this.#only.shown];
    if (rowsOf(this.catalogue, this.#order, all, limits).count > OPEN_ALL) return;
    for (let at = 0; at < all.length; at++) if (all[at] === 1) this.#open[at] = 1;
  }

  /** Shows what matches, and its folders open. `found`: what the engine gave for the query. */
  setFilter(query: string, found: Uint32Array): void {
    const own = ownMatches(this.catalogue, found, query);
    const only = this.#only?.shown.bits;
    const matches = only ? own.filter((entry) => only[entry] !== 0) : own;
    const shown = shownOf(this.catalogue, matches, true);
    this.#filter = { query, matches, shown, open: openAbove(shown) };
    this.#rows = undefined;
    this.#cursor = matches[0] ?? 0;
  }

  /** Shows all again: what is opened stays so, and where the cursor is. */
  clearFilter(): void {
    this.#filter = undefined;
    this.reveal(this.#cursor);
  }

  get #isOpen(): Uint8Array {
    return this.#filter?.open ?? this.#open;
  }

  #isBelow(entry: number, folder: number): boolean {
    return entry > folder && entry < (this.catalogue.end[folder] ?? 0);
  }
}

/** What is above a match is open. */
function openAbove({ bits }: Shown): Uint8Array {
  const open = new Uint8Array(bits.length);
  for (let at = 0; at < bits.length; at++) open[at] = (bits[at] ?? 0) & ABOVE ? 1 : 0;
  return open;
}

const models = new WeakMap<Catalogue, TreeModel>();

/** The state of a catalogue's tree, as it was left. */
export function modelOf(catalogue: Catalogue): TreeModel {
  const known = models.get(catalogue);
  if (known) return known;
  const model = new TreeModel(catalogue);
  models.set(catalogue, model);
  return model;
}
