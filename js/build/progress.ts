/** Progress of building and pushing, with rate and time left. @module */
import type { BuildProgress, LayerProgress } from "../types/build.js";

const INTERVAL_MS = 100;
/** The rate is that of so much time. */
const WINDOW_MS = 5_000;

type Listener = (progress: BuildProgress) => void | Promise<void>;

/** Adds up what is done and tells the user's callback, not too often. */
export class BuildMeter {
  readonly #callback: Listener | undefined;
  readonly #phase: BuildProgress["phase"];
  /** Bytes of each layer so far; images of several platforms have layers with the same index. */
  readonly #layers = new Map<string, number>();
  readonly #samples: [number, number][] = [];
  #total: number;
  #bytes = 0;
  #told = 0;
  #layer: LayerProgress | undefined;

  constructor(phase: BuildProgress["phase"], total: number, callback: Listener | undefined) {
    this.#phase = phase;
    this.#total = total;
    this.#callback = callback;
    this.#samples.push([Date.now(), 0]);
  }

  /** Whether it is time to tell. */
  get due(): boolean {
    return Date.now() - this.#told >= INTERVAL_MS;
  }

  /** A layer came on. */
  layer(progress: LayerProgress): void {
    const key = progress.digest ?? String(progress.index);
    this.#bytes += progress.bytes - (this.#layers.get(key) ?? 0);
    this.#layers.set(key, progress.bytes);
    this.#layer = progress;
  }

  /** A layer that need not be streamed is done. */
  skip(
    index: number,
    { digest, size }: { digest: string; size: number },
    found = { entries: 0, spans: 0 },
  ): void {
    this.layer({ index, digest, bytes: size, total: size, inflated: 0, ...found });
  }

  /** More bytes are done. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Tells the state now. A promise of the callback's is waited for. */
  async tell(): Promise<void> {
    if (!this.#callback) return;
    const now = Date.now();
    this.#told = now;
    this.#samples.push([now, this.#bytes]);
    while (this.#samples.length > 2 && now - (this.#samples[0]?.[0] ?? now) > WINDOW_MS)
      this.#samples.shift();
    const [since, before] = this.#samples[0] ?? [now, 0];
    const rate = now > since ? ((this.#bytes - before) * 1000) / (now - since) : 0;
    const left = this.#total - this.#bytes;
    const progress: BuildProgress = {
      phase: this.#phase,
      ...(this.#layer ? { layer: this.#layer } : {}),
      bytes: this.#bytes,
      total: this.#total,
      bytesPerSecond: rate,
      ...(rate > 0 && this.#total > 0 ? { etaSeconds: Math.max(0, left / rate) } : {}),
    };
    try {
      await this.#callback(progress);
    } catch (error) {
      // As for an event's listener: it must not break the work, and must not get lost.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
