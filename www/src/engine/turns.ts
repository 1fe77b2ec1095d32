/** Long work that lets other calls in. @module */

/** Longest that the engine's thread does one thing, in milliseconds. */
const TURN_MS = 12;

/** Resolves after the messages that wait have been handled. */
export function nextTurn(): Promise<void> {
  // Node has this, and no message of its own would keep a test's process awake.
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
  return new Promise((resolve) => {
    if (setImmediate) return void setImmediate(resolve);
    // Timers wait for 4 ms and more when they follow each other; messages do not.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Counts the time of one piece of work; {@link Turns.due} says when it is another's turn. */
export class Turns {
  #since = performance.now();

  /** Lets others in, if it is their turn. */
  async yield(): Promise<void> {
    if (!this.due) return;
    await nextTurn();
    this.#since = performance.now();
  }

  /** Whether this has run for long enough. */
  get due(): boolean {
    return performance.now() - this.#since >= TURN_MS;
  }
}
