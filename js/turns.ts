/** Long work in turns, so that timers, other requests and a caller's stop are not kept waiting. @module */

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

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** Longest turn, in milliseconds, where the clock goes on during work: on the edge's platform it stands still. */
const TURN_MS = 8;
/** Longest turn in units of work. */
const TURN_UNITS = 2048;

/** Counts one piece of work. */
export class Turns {
  #since = performance.now();
  #units = 0;

  /** So many units are done. Lets others in, if it is their turn. */
  async spend(units: number): Promise<void> {
    this.#units += units;
    if (this.#units < TURN_UNITS && performance.now() - this.#since < TURN_MS) return;
    await nextTask();
    this.#since = performance.now();
    this.#units = 0;
  }

  /** As much is done as one turn may do. */
  full(): Promise<void> {
    return this.spend(TURN_UNITS);
  }
}
