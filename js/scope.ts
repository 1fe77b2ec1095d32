import { writerOf } from "./cache-writer.js";
import { onAbort } from "./common/on-abort.js";
import { fromWasm, invalid, OcipeekError } from "./errors.js";
import { weigh } from "./memory.js";
import type { ProgressMeter } from "./progress.js";
import type { Cache } from "./types/index.js";

/** The life of one open image, reader or source: what runs in it stops when it is closed, or its own signal is aborted. */
export class Scope {
  /** What stops each operation; and what it was begun by, so that the image is not garbage before it ends. */
  readonly #running = new Map<() => void, unknown>();
  readonly #meter: ProgressMeter | undefined;
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  /** What goes on beside what was asked for. */
  readonly #beside = new Set<Promise<unknown>>();
  #cache: Cache | undefined;
  #name: string | undefined;
  #closed = false;
  /** The image in wasm, whose memory the collector is to know of. */
  #owner: WeakRef<object> | undefined;
  /** What the caller's own function threw: it ends what runs. */
  #thrown: { error: unknown } | undefined;

  constructor(meter?: ProgressMeter, what = "image", signal?: AbortSignal) {
    this.#meter = meter;
    meter?.onThrow((error) => {
      this.#thrown ??= { error };
      this.#stop();
    });
    this.#what = what;
    this.#signal = signal;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** What errors name, once it is known. */
  get name(): string | undefined {
    return this.#name;
  }

  /** Has errors name it so. */
  named(name: string): void {
    this.#name = name;
  }

  /** From now on the collector is told what `owner` weighs. */
  weighs(owner: object): void {
    this.#owner = new WeakRef(owner);
    weigh(owner);
  }

  /** Runs an operation that stops when `signal` is aborted or the image is closed. */
  async run<T>(signal: AbortSignal | undefined, start: (stop: Promise<void>) => Promise<T> | T): Promise<T> {
    this.check();
    const signals = [signal, this.#signal].filter((one) => one !== undefined);
    throwIfAborted(signals, this.#name);
    let settle = (): void => {};
    const stop = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const callOffs = signals.map((one) => onAbort(one, settle));
    this.#running.set(settle, start);
    try {
      return await start(stop);
    } catch (error) {
      throw this.#translate(error, signals);
    } finally {
      for (const callOff of callOffs) callOff();
      this.#running.delete(settle);
      // What waits for it in wasm is freed only now.
      settle();
      this.#meter?.flush();
      const owner = this.#owner?.deref();
      if (owner) weigh(owner);
      this.#rethrow();
    }
  }

  /** Has {@link finished} wait for `work`, which goes on beside what is asked for. */
  beside(work: Promise<unknown>): void {
    this.#beside.add(work);
    const forget = (): boolean => this.#beside.delete(work);
    work.then(forget, forget);
  }

  /** Has {@link finished} wait for what is written to `cache`. */
  writesTo(cache: Cache): void {
    this.#cache = cache;
  }

  /** Waits for what goes on beside what was asked for: what is to be kept is written then. */
  async finished(): Promise<void> {
    await Promise.allSettled(this.#beside);
    if (this.#cache) await writerOf(this.#cache).finished();
  }

  /** Throws where the image was closed. */
  check(): void {
    if (this.#closed) throw invalid(`the ${this.#what} was closed`, this.#name);
  }

  /** Stops all that runs. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #stop(): void {
    for (const settle of this.#running.keys()) settle();
  }

  /** All that was stopped by what a function of the caller threw fails with that. */
  #rethrow(): void {
    const thrown = this.#thrown;
    if (this.#running.size === 0) this.#thrown = undefined;
    if (thrown) throw thrown.error;
  }

  #translate(error: unknown, signals: readonly AbortSignal[]): unknown {
    const translated = fromWasm(error, this.#name);
    if (!(translated instanceof OcipeekError) || translated.code !== "ABORTED") return translated;
    throwIfAborted(signals, this.#name);
    if (!this.#closed) return translated;
    return new OcipeekError("ABORTED", `the ${this.#what} was closed`, { reference: this.#name });
  }
}

function throwIfAborted(signals: readonly AbortSignal[], reference: string | undefined): void {
  const aborted = signals.find((signal) => signal.aborted);
  if (!aborted) return;
  throw new OcipeekError("ABORTED", "stopped by the caller", { cause: aborted.reason, reference });
}
