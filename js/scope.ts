import { fromWasm, invalid, OcipeekError } from "./errors.js";
import type { ProgressMeter } from "./progress.js";

/** The life of one open image, reader or source: what runs in it stops when it is closed, or its own signal is aborted. */
export class Scope {
  readonly #running = new Set<() => void>();
  readonly #meter: ProgressMeter | undefined;
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  #closed = false;

  constructor(meter?: ProgressMeter, what = "image", signal?: AbortSignal) {
    this.#meter = meter;
    this.#what = what;
    this.#signal = signal;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Runs an operation that stops when `signal` is aborted or the image is closed. */
  async run<T>(signal: AbortSignal | undefined, start: (stop: Promise<void>) => Promise<T> | T): Promise<T> {
    this.check();
    const signals = [signal, this.#signal].filter((one) => one !== undefined);
    throwIfAborted(signals);
    let settle = (): void => {};
    const stop = new Promise<void>((resolve) => {
      settle = resolve;
    });
    for (const one of signals) one.addEventListener("abort", settle, { once: true });
    this.#running.add(settle);
    try {
      return await start(stop);
    } catch (error) {
      throw this.#translate(error, signals);
    } finally {
      for (const one of signals) one.removeEventListener("abort", settle);
      this.#running.delete(settle);
      // What waits for it in wasm is freed only now.
      settle();
      this.#meter?.flush();
    }
  }

  /** Throws where the image was closed. */
  check(): void {
    if (this.#closed) throw invalid(`the ${this.#what} was closed`);
  }

  /** Stops all that runs. */
  close(): void {
    this.#closed = true;
    for (const settle of this.#running) settle();
  }

  #translate(error: unknown, signals: readonly AbortSignal[]): unknown {
    const translated = fromWasm(error);
    if (!(translated instanceof OcipeekError) || translated.code !== "ABORTED") return translated;
    throwIfAborted(signals);
    return this.#closed ? new OcipeekError("ABORTED", `the ${this.#what} was closed`) : translated;
  }
}

function throwIfAborted(signals: readonly AbortSignal[]): void {
  const aborted = signals.find((signal) => signal.aborted);
  if (!aborted) return;
  throw new OcipeekError("ABORTED", "stopped by the caller", { cause: aborted.reason });
}
