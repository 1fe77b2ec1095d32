/** Lays a layer over those below it, and says what it does to them. As overlayfs does it. @module */
import type { Tally } from "../../protocol/api.ts";
import { type Mark, nameBytes, TYPES } from "../../protocol/catalogue.ts";
import {
  compareNames,
  equalAttributes,
  isFolder,
  isImplied,
  isWhiteout,
  rowAt,
  type Tree,
  TreeBuilder,
} from "./tree.ts";

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
  merge.run();
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

/** Two folders of a name that are being merged: how far, and what whiteouts hide of the lower one. */
interface Folders extends Hidden {
  low: number;
  lowEnd: number;
  high: number;
  highEnd: number;
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

  /** All of both. Not by recursion: paths are as deep as whoever made the image liked. */
  run(): void {
    const open = [this.#open(0, 0, false)];
    for (let folders = open.at(-1); folders; folders = open.at(-1)) {
      const below = this.#next(folders);
      if (below === "end") open.pop();
      else if (below) open.push(below);
    }
  }

  /** Two folders. `hide`: nothing of the lower one stays. */
  #open(low: number, high: number, hide: boolean): Folders {
    const hidden = this.#hiddenIn(high);
    return {
      low: low + 1,
      lowEnd: this.#below.catalogue.end[low] ?? 0,
      high: high + 1,
      highEnd: this.#layer.catalogue.end[high] ?? 0,
      all: hide || hidden.all,
      names: hidden.names,
    };
  }

  /** The next name in either; gives what is to be gone into. */
  #next(folders: Folders): Folders | "end" | undefined {
    const [b, a] = [this.#below, this.#layer];
    const { lowEnd, highEnd } = folders;
    while (folders.high < highEnd && isHiddenName(a, folders.high)) {
      folders.high = a.catalogue.end[folders.high] ?? highEnd;
    }
    const { low, high } = folders;
    if (low >= lowEnd && high >= highEnd) return "end";
    const order = low >= lowEnd ? 1 : high >= highEnd ? -1 : compareNames(b, low, a, high);
    if (order <= 0) folders.low = b.catalogue.end[low] ?? lowEnd;
    if (order >= 0) folders.high = a.catalogue.end[high] ?? highEnd;
    if (order > 0) {
      this.#add(high);
      return undefined;
    }
    const gone = folders.all || (folders.names.size > 0 && folders.names.has(nameKey(b, low)));
    if (order === 0) return this.#both(low, high, gone);
    if (gone) this.#remove(low);
    else this.#keep(low);
    return undefined;
  }

  #both(low: number, high: number, gone: boolean): Folders | undefined {
    const [b, a] = [this.#below, this.#layer];
    if (isFolder(b, low) && isFolder(a, high)) {
      const keeps = isImplied(a, high) && !gone;
      const equal = keeps || isImplied(a, high) || equalAttributes(b, low, a, high);
      this.#put(keeps ? b : a, keeps ? low : high, equal ? "none" : "changed");
      return this.#open(low, high, gone);
    }
    if (isFolder(b, low) || isFolder(a, high)) {
      this.#add(high);
      this.#remove(low);
    } else {
      this.#put(a, high, "changed");
    }
    return undefined;
  }

  /** What only the layer has, with all below it. */
  #add(high: number): void {
    const { end } = this.#layer.catalogue;
    const last = end[high] ?? 0;
    for (let at = high; at < last; ) {
      const isHidden = at !== high && isHiddenName(this.#layer, at);
      if (!isHidden) this.#put(this.#layer, at, "added");
      at = isHidden ? (end[at] ?? last) : at + 1;
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
