/** Long work in turns, so that timers, other requests and a caller's stop are not kept waiting. @module */

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** Resolves in a task of its own: what waits, timers among it, comes first. */
export function nextTask(): Promise<void> {
  // Not all of these exist everywhere.
  const { setImmediate, navigator, MessageChannel } = globalThis as unknown as {
    setImmediate?: (callback: () => void) => unknown;
    navigator?: { userAgent?: string };
    MessageChannel?: new () => { port1: Port; port2: Port };
  };
  return new Promise((resolve) => {
    if (setImmediate) return void setImmediate(resolve);
    // On the edge's platform a timer is the request's own, and others may not be waited for.
    if (!MessageChannel || navigator?.userAgent === "Cloudflare-Workers") return void setTimeout(resolve, 0);
    // Timers wait for 4 ms and more when they follow each other; messages do not.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** How long a turn is. */
export interface TurnOptions {
  /** Longest turn, in milliseconds, where the clock goes on during work: on the edge's platform it stands still. */
  ms: number;
  /** Longest turn in units of work. */
  units?: number;
  /** Once it is aborted, work ends at its next turn. */
  signal?: AbortSignal;
}

/** The turns of one piece of work. */
export class Turns {
  readonly #options: TurnOptions;
  #since = performance.now();
  #units = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** Whether this has run for long enough. */
  get isDue(): boolean {
    const { ms, units = Number.POSITIVE_INFINITY } = this.#options;
    return this.#units >= units || performance.now() - this.#since >= ms;
  }

  /** So many units are done. Lets others in, if it is their turn: only then is there anything to wait for. */
  spend(units = 1): Promise<void> | undefined {
    this.#units += units;
    return this.isDue ? this.yield() : undefined;
  }

  /** Lets others in. */
  async yield(): Promise<void> {
    await nextTask();
    this.#since = performance.now();
    this.#units = 0;
    this.#options.signal?.throwIfAborted();
  }
}
