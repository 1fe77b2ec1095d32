import type { BuildProgress, LayerProgress } from "../js/build/entry/node.js";
import { duration } from "../js/common/duration.js";
import { counted, siSize } from "./format.js";
import { StatusLine } from "./progress.js";

/** Between two lines where standard error is no terminal. */
const PLAIN_MS = 10_000;
const REDRAW_MS = 100;
/** Rates before that are a matter of chance. */
const SETTLE_MS = 1_000;

/**
 * How far the building and writing of an index is, on standard error: one line that changes on a terminal, else a line
 * for each layer and one now and then.
 */
export class BuildLine extends StatusLine {
  readonly #quiet: boolean;
  /** Layers that were told of. Images of several platforms have layers with the same index. */
  readonly #done = new Set<string>();
  readonly #starts = new Map<BuildProgress["phase"], number>();
  #last = Date.now();

  constructor(quiet: boolean, stream?: NodeJS.WriteStream) {
    super(stream);
    this.#quiet = quiet;
  }

  /** For the option `onProgress`. */
  readonly update = (progress: BuildProgress): void => {
    if (this.#quiet) return;
    if (this.stream.isTTY) this.#redraw(progress);
    else this.#tell(progress);
  };

  #redraw(progress: BuildProgress): void {
    const now = Date.now();
    const isSettled = this.#isSettled(progress, now);
    if (this.isShown && now - this.#last < REDRAW_MS) return;
    this.show(fit(describe(progress, isSettled), this.stream.columns));
    this.#last = now;
  }

  #tell(progress: BuildProgress): void {
    const now = Date.now();
    const isSettled = this.#isSettled(progress, now);
    const { phase, layer } = progress;
    const key = layer?.digest ?? String(layer?.index);
    if (phase === "layer" && layer && layer.bytes === layer.total && !this.#done.has(key)) {
      this.#done.add(key);
      const digest = layer.digest ? `, ${layer.digest}` : "";
      this.stream.write(`ocipeek: ${layerText(layer)}, ${siSize(layer.bytes)}${digest}\n`);
    } else if (now - this.#last >= PLAIN_MS) this.stream.write(`ocipeek: ${describe(progress, isSettled)}\n`);
    else return;
    this.#last = now;
  }

  #isSettled({ phase }: BuildProgress, now: number): boolean {
    const start = this.#starts.get(phase) ?? now;
    this.#starts.set(phase, start);
    return now - start >= SETTLE_MS;
  }
}

/** `indexing 45.1 MB of 312.4 MB, 23.0 MB/s, 12 s left; layer 3: 2859 entries`. */
export function describe(progress: BuildProgress, isSettled = true): string {
  const { phase, layer, bytes, total, bytesPerSecond, etaSeconds } = progress;
  const of = total >= bytes && total > 0 ? ` of ${siSize(total)}` : "";
  const parts = [`${phase === "layer" ? "indexing" : "writing"} ${siSize(bytes)}${of}`];
  if (isSettled && bytesPerSecond > 0) parts.push(`${siSize(Math.round(bytesPerSecond))}/s`);
  if (isSettled && etaSeconds !== undefined) parts.push(`${duration(etaSeconds)} left`);
  const at = phase === "layer" && layer ? `; ${layerText(layer)}` : "";
  return parts.join(", ") + at;
}

function layerText({ index, entries }: LayerProgress): string {
  return `layer ${index}: ${counted(entries, "entry")}`;
}

/** A longer line would wrap, and then not go away. */
function fit(text: string, columns: number | undefined): string {
  return columns ? text.slice(0, Math.max(columns - 1, 0)) : text;
}
