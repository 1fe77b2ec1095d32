/** Long work lets others have their turn: timers fire meanwhile, and other requests are answered. @module */

/** Steps after which others have a turn. Counted, since the edge's clock stands still while nothing is waited for. */
const STEPS = 256;
/** Milliseconds after which they have one all the same, where the clock goes. It is looked at every few steps. */
const LONGEST = 15;
const LOOK = 8;

/** The turns of one request's work. */
export class Turns {
  readonly #signal: AbortSignal;
  #steps = 0;
  #since = Date.now();

  /** Once `signal` is aborted, work ends at its next turn. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** A step is done. Gives others their turn from time to time; only then is there anything to wait for. */
  step(): Promise<void> | undefined {
    this.#steps += 1;
    const isLong = this.#steps % LOOK === 0 && Date.now() - this.#since >= LONGEST;
    return isLong || this.#steps >= STEPS ? this.#give() : undefined;
  }

  async #give(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#steps = 0;
    this.#since = Date.now();
    this.#signal.throwIfAborted();
  }
}
