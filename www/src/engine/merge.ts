/** Lays a layer over those below it, and says what it does to them. As overlayfs does it. @module */
import type { Tally } from "../protocol/api.ts";
import { type Mark, nameBytes, TYPES } from "../protocol/catalogue.ts";
import {
  compareNames,
  equalAttributes,
  isFolder,
  isImplied,
  isWhiteout,
  rowAt,
  type Tree,
  TreeBuilder,
} from "./trees.ts";

/** What a layer does. */
export interface Merged {
  /** All layers up to this one. */
  state: Tree;
  /** The layer's tree, without whiteouts, with marks; with what it removes. */
  changes: Tree;
  added: Tally;
  changed: Tally;
  removed: Tally;
}

/** Lays `layer` over `below`, the merged tree of the layers below it. `id`: of the catalogue of changes. */
export function addLayer(below: Tree, layer: Tree, id: number): Merged {
  const merge = new Merge(below, layer);
  merge.folder(0, 0, false);
  const { added, changed, removed } = merge;
  return { state: merge.state.finish(0), changes: merge.changes.finish(id), added, changed, removed };
}

/** Nothing: what is below the lowest layer. */
export function emptyTree(): Tree {
  return new TreeBuilder().finish(0);
}

/** What whiteouts in a folder of a layer hide of the layers below. */
interface Hidden {
  all: boolean;
  names: Set<string>;
}

class Merge {
  readonly #below: Tree;
  readonly #layer: Tree;
  readonly state = new TreeBuilder();
  readonly changes = new TreeBuilder();
  readonly added: Tally = { files: 0, bytes: 0 };
  readonly changed: Tally = { files: 0, bytes: 0 };
  readonly removed: Tally = { files: 0, bytes: 0 };

  constructor(below: Tree, layer: Tree) {
    this.#below = below;
    this.#layer = layer;
  }

  /** What two folders hold. `hide`: nothing of the lower one stays. */
  folder(low: number, high: number, hide: boolean): void {
    const [b, a] = [this.#below, this.#layer];
    const hidden = this.#hiddenIn(high);
    const all = hide || hidden.all;
    const [lowEnd, highEnd] = [b.catalogue.end[low] ?? 0, a.catalogue.end[high] ?? 0];
    let i = low + 1;
    let j = high + 1;
    for (;;) {
      while (j < highEnd && isHiddenName(a, j)) j = a.catalogue.end[j] ?? highEnd;
      if (i >= lowEnd && j >= highEnd) return;
      const order = i >= lowEnd ? 1 : j >= highEnd ? -1 : compareNames(b, i, a, j);
      if (order > 0) this.#add(j);
      else {
        const gone = all || (hidden.names.size > 0 && hidden.names.has(nameKey(b, i)));
        if (order === 0) this.#both(i, j, gone);
        else if (gone) this.#remove(i);
        else this.#keep(i);
      }
      if (order <= 0) i = b.catalogue.end[i] ?? lowEnd;
      if (order >= 0) j = a.catalogue.end[j] ?? highEnd;
    }
  }

  #both(low: number, high: number, gone: boolean): void {
    const [b, a] = [this.#below, this.#layer];
    const folders = isFolder(b, low) && isFolder(a, high);
    if (folders) {
      const keeps = isImplied(a, high) && !gone;
      const equal = keeps || isImplied(a, high) || equalAttributes(b, low, a, high);
      this.#put(keeps ? b : a, keeps ? low : high, equal ? "none" : "changed");
      this.folder(low, high, gone);
    } else if (isFolder(b, low) || isFolder(a, high)) {
      this.#add(high);
      this.#remove(low);
    } else {
      this.#put(a, high, "changed");
    }
  }

  /** What only the layer has, with all below it. */
  #add(high: number): void {
    this.#put(this.#layer, high, "added");
    if (!isFolder(this.#layer, high)) return;
    const { end } = this.#layer.catalogue;
    for (let j = high + 1; j < (end[high] ?? 0); j = end[j] ?? 0) {
      if (!isHiddenName(this.#layer, j)) this.#add(j);
    }
  }

  /** What stays of the layers below. */
  #keep(low: number): void {
    const b = this.#below;
    const end = b.catalogue.end[low] ?? 0;
    for (let i = low; i < end; i++) this.state.add(rowAt(b, i), "none", b.origins[i]);
  }

  #remove(low: number): void {
    const b = this.#below;
    const end = b.catalogue.end[low] ?? 0;
    for (let i = low; i < end; i++) {
      this.changes.add(rowAt(b, i), "removed", b.origins[i]);
      this.#count(this.removed, b, i);
    }
  }

  #put(tree: Tree, entry: number, mark: Mark): void {
    const row = rowAt(tree, entry);
    this.state.add(row, "none", tree.origins[entry]);
    this.changes.add(row, mark, tree.origins[entry]);
    if (mark === "added") this.#count(this.added, tree, entry);
    if (mark === "changed") this.#count(this.changed, tree, entry);
  }

  /** Counts the entry that was added to the changes last. */
  #count(tally: Tally, tree: Tree, entry: number): void {
    if (isFolder(tree, entry)) return;
    tally.files++;
    if (this.changes.lastCounts) tally.bytes += tree.catalogue.size[entry] ?? 0;
  }

  #hiddenIn(folder: number): Hidden {
    const { catalogue: c } = this.#layer;
    const hidden: Hidden = { all: false, names: new Set() };
    const end = c.end[folder] ?? 0;
    for (let at = folder + 1; at < end; at = c.end[at] ?? end) {
      if (!isWhiteout(this.#layer, at) || isImplied(this.#layer, at)) continue;
      if (TYPES[c.type[at] ?? 0] === "opaque") hidden.all = true;
      else hidden.names.add(nameKey(this.#layer, at).slice(PREFIX.length));
    }
    return hidden;
  }
}

const PREFIX = ".wh.";

/** Whiteouts, and aufs' own files: no names that anyone sees. */
function isHiddenName(tree: Tree, entry: number): boolean {
  const name = nameBytes(tree.catalogue, entry);
  return name[0] === 0x2e && name[1] === 0x77 && name[2] === 0x68 && name[3] === 0x2e;
}

/** A name's bytes as a text of as many characters. */
function nameKey(tree: Tree, entry: number): string {
  let text = "";
  for (const byte of nameBytes(tree.catalogue, entry)) text += String.fromCharCode(byte);
  return text;
}
