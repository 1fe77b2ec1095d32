import type { BuildProgress, LayerProgress } from "../../js/build/entry/node.js";
import { counted, siSize } from "../format.js";

/** Between two lines where standard error is no terminal. */
const PLAIN_MS = 10_000;
const REDRAW_MS = 100;

/**
 * How far the building and writing of an index is, on standard error: one line that changes on a terminal, else a line
 * for each layer and one now and then.
 */
export class BuildLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #quiet: boolean;
  readonly #done = new Set<number>();
  #last = Date.now();
  #shown = false;

  constructor(quiet: boolean, stream: NodeJS.WriteStream = process.stderr) {
    this.#quiet = quiet;
    this.#stream = stream;
  }

  /** For the option `onProgress`. */
  readonly update = (progress: BuildProgress): void => {
    if (this.#quiet) return;
    const now = Date.now();
    if (this.#stream.isTTY) {
      if (this.#shown && now - this.#last < REDRAW_MS) return;
      this.#stream.write(`\r${fit(describe(progress), this.#stream.columns)}\x1b[K`);
      this.#shown = true;
    } else {
      const { phase, layer } = progress;
      if (phase === "layer" && layer && layer.bytes === layer.total && !this.#done.has(layer.index)) {
        this.#done.add(layer.index);
        this.#stream.write(`ocipeek: ${layerText(layer)}, ${siSize(layer.bytes)}\n`);
      } else if (now - this.#last >= PLAIN_MS) this.#stream.write(`ocipeek: ${describe(progress)}\n`);
      else return;
    }
    this.#last = now;
  };

  /** Takes the line away. */
  readonly clear = (): void => {
    if (this.#shown) this.#stream.write("\r\x1b[K");
    this.#shown = false;
  };
}

/** `indexing 45.1 MB of 312.4 MB, 23.0 MB/s, 12 s left; layer 3: 2859 entries`. */
export function describe({ phase, layer, bytes, total, bytesPerSecond, etaSeconds }: BuildProgress): string {
  const of = total >= bytes && total > 0 ? ` of ${siSize(total)}` : "";
  const parts = [`${phase === "layer" ? "indexing" : "writing"} ${siSize(bytes)}${of}`];
  if (bytesPerSecond > 0) parts.push(`${siSize(Math.round(bytesPerSecond))}/s`);
  if (etaSeconds !== undefined) parts.push(`${duration(etaSeconds)} left`);
  const at = phase === "layer" && layer ? `; ${layerText(layer)}` : "";
  return parts.join(", ") + at;
}

function layerText({ index, entries }: LayerProgress): string {
  return `layer ${index}: ${counted(entries, "entry")}`;
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

/** A longer line would wrap, and then not go away. */
function fit(text: string, columns: number | undefined): string {
  return columns ? text.slice(0, Math.max(columns - 1, 0)) : text;
}
