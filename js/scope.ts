import { fromWasm, invalid, OcipeekError } from "./errors.js";
import type { ProgressMeter } from "./progress.js";

/** The life of one open image or source: what runs in it stops when it is closed. */
export class Scope {
  readonly #running = new Set<() => void>();
  readonly #meter: ProgressMeter | undefined;
  readonly #what: string;
  #closed = false;

  constructor(meter?: ProgressMeter, what = "image") {
    this.#meter = meter;
    this.#what = what;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Runs an operation that stops when `signal` is aborted or the image is closed. */
  async run<T>(signal: AbortSignal | undefined, start: (stop: Promise<void>) => Promise<T> | T): Promise<T> {
    this.check();
    if (signal?.aborted) throw aborted(signal);
    let settle = (): void => {};
    const stop = new Promise<void>((resolve) => {
      settle = resolve;
    });
    signal?.addEventListener("abort", settle, { once: true });
    this.#running.add(settle);
    try {
      return await start(stop);
    } catch (error) {
      throw this.#translate(error, signal);
    } finally {
      signal?.removeEventListener("abort", settle);
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

  #translate(error: unknown, signal: AbortSignal | undefined): unknown {
    const translated = fromWasm(error);
    if (!(translated instanceof OcipeekError) || translated.code !== "ABORTED") return translated;
    if (signal?.aborted) return aborted(signal);
    return this.#closed ? new OcipeekError("ABORTED", `ABORTED: the ${this.#what} was closed`) : translated;
  }
}

function aborted(signal: AbortSignal): OcipeekError {
  return new OcipeekError("ABORTED", "ABORTED: stopped by the caller", { cause: signal.reason });
}
