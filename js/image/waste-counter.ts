/** Sums of what layers change and waste. @module */
import { latin1 } from "../common/bytes.js";
import { decode } from "../text.js";
import type { Change, LayerTally, Stats, Tally, Waste } from "../types/index.js";

const WORST = 100;

/** Content under one or more names of a layer. */
interface Content {
  size: number;
  layer: number;
  /** The name that is told where it is wasted. */
  path: Uint8Array;
  /** How many names are still seen. */
  names: number;
}

/** Waste at one path. */
interface Spot {
  path: Uint8Array;
  copies: number;
  wasted: number;
}

/** Sums up the changes of all layers, which come from the lowest layer on. */
export class WasteCounter {
  readonly #layers: LayerTally[] = [];
  /** Files with several names, by layer and first name. */
  readonly #linked = new Map<string, Content>();
  readonly #spots = new Map<string, Spot>();
  /** Files with several names whose content the layer's tally has. */
  #counted = new Set<string>();

  /** The layer whose changes come now. */
  begin(layer: number): void {
    const none = (): Tally => ({ files: 0, bytes: 0 });
    this.#layers.push({ layer, added: none(), changed: none(), removed: none(), total: 0, wasted: 0 });
    this.#counted = new Set();
  }

  /** The next change of that layer. */
  add({ change, stats, replaced }: Change): void {
    const tally = this.#layers.at(-1);
    if (!tally || change === "none" || stats.type === "directory") return;
    const bytes = this.#countedSize(stats);
    tally[change].files++;
    tally[change].bytes += bytes;
    if (change === "removed") {
      this.#lose(stats);
    } else {
      tally.total += bytes;
      this.#gain(stats);
      if (replaced) this.#lose(replaced);
    }
  }

  /** All of it. `isFile`: whether the root file system has a file at a path. */
  async finish(isFile: (path: Uint8Array) => Promise<boolean>): Promise<Waste> {
    const sum = (field: "total" | "wasted"): number => this.#layers.reduce((all, it) => all + it[field], 0);
    const worst = [...this.#spots.values()].sort((a, b) => b.wasted - a.wasted).slice(0, WORST);
    const told: Waste["worst"] = [];
    for (const { path, copies, wasted } of worst) {
      const shown = (await isFile(path)) ? 1 : 0;
      told.push({ path: decode(path), pathBytes: path, copies: copies + shown, wasted });
    }
    return { total: sum("total"), wasted: sum("wasted"), worst: told, layers: this.#layers };
  }

  #countedSize(stats: Stats): number {
    if (stats.type !== "file") return 0;
    if (stats.nlink <= 1) return stats.size;
    const key = inodeOf(stats);
    if (this.#counted.has(key)) return 0;
    this.#counted.add(key);
    return stats.size;
  }

  /** A name of a file that is seen from now on. */
  #gain(stats: Stats): void {
    if (stats.type !== "file" || stats.nlink <= 1) return;
    const key = inodeOf(stats);
    const content = this.#linked.get(key);
    if (content) content.names++;
    else this.#linked.set(key, { size: stats.size, layer: stats.layer, path: stats.pathBytes, names: 1 });
  }

  /** A name of a file that is seen no more. */
  #lose(stats: Stats): void {
    if (stats.type !== "file") return;
    const own = { size: stats.size, layer: stats.layer, path: stats.pathBytes, names: 1 };
    const content = (stats.nlink > 1 && this.#linked.get(inodeOf(stats))) || own;
    const from = this.#layers[content.layer];
    if (--content.names > 0 || content.size === 0 || !from) return;
    from.wasted += content.size;
    const key = latin1(content.path);
    const spot = this.#spots.get(key) ?? { path: content.path, copies: 0, wasted: 0 };
    spot.copies++;
    spot.wasted += content.size;
    this.#spots.set(key, spot);
  }
}

function inodeOf({ layer, hardlinkOfBytes, pathBytes }: Stats): string {
  return `${layer}:${latin1(hardlinkOfBytes ?? pathBytes)}`;
}
