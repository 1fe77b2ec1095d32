/** Waiting for a tier: only so long, and not at all for a while where that was in vain. @module */

/** Times that a tier is too late, one after the other, before it is left alone. */
const MAX_LATE = 2;
/** Milliseconds for which it is. */
const REST_MS = 30_000;
/** Turns of the queue of microtasks in which what is at hand answers: it costs no timer. */
const TURNS = 16;

/**
 * How long a tier is waited for, over all requests. It holds numbers only: on the edge's platform a request must not
 * wait for another's promise or timer.
 */
export class Patience {
  readonly #ms: number;
  readonly #now: () => number;
  #late = 0;
  #restsUntil = 0;

  /** `ms`: how long; 0 is for ever. */
  constructor(ms: number, now: () => number) {
    this.#ms = ms;
    this.#now = now;
  }

  /** What `call` gives; nothing where that takes too long, or did so lately. */
  async wait<T>(call: () => Promise<T> | T): Promise<T | undefined> {
    if (this.#ms === 0) return call();
    if (this.#now() < this.#restsUntil) return undefined;
    const answer = Promise.resolve(call());
    const before = this.#late;
    let isThere = false;
    const arrive = (): void => {
      isThere = true;
      this.#late = 0;
    };
    answer.then(arrive, arrive);
    for (let turn = 0; turn < TURNS && !isThere; turn++) await undefined;
    if (isThere) return answer;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        // Calls of the same time count once. After its rest it has one try.
        this.#late = Math.min(Math.max(this.#late, before + 1), MAX_LATE);
        if (this.#late === MAX_LATE) {
          this.#restsUntil = this.#now() + REST_MS;
          this.#late = MAX_LATE - 1;
        }
        resolve(undefined);
      }, this.#ms);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
