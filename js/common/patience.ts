/** Patience with a cache: it is waited for only so long, and not at all where that was in vain. @module */

/** Times that a cache is too late, one after the other, before it is left alone. */
const MAX_LATE = 2;
/** Turns of the queue of microtasks in which what is at hand answers: it costs no timer. */
const TURNS = 16;

/** Options of a {@link Patience}. */
export interface PatienceOptions {
  /** Milliseconds for which a cache that was too late is left alone; for ever by default. After that it has one try. */
  rest?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/**
 * How long one kind of call is waited for, and whether it still is. It holds numbers only: on the edge's platform a request
 * must not wait for another's promise or timer.
 */
export class Patience {
  readonly #ms: number;
  readonly #rest: number;
  readonly #now: () => number;
  /** Times in a row that there was no answer; calls of the same time count once. */
  #late = 0;
  #restsUntil = Number.NEGATIVE_INFINITY;

  /** `ms`: how long; 0 is for ever. */
  constructor(ms: number, { rest = Number.POSITIVE_INFINITY, now = Date.now }: PatienceOptions = {}) {
    this.#ms = ms;
    this.#rest = rest;
    this.#now = now;
  }

  /** Whether it is left alone now. */
  get isOver(): boolean {
    return this.#now() < this.#restsUntil;
  }

  /** What `call` gives; nothing where that takes too long, or did so lately. */
  async wait<T>(call: () => Promise<T> | T): Promise<T | undefined> {
    if (this.#ms === 0) return call();
    if (this.isOver) return undefined;
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
        this.#late = Math.min(Math.max(this.#late, before + 1), MAX_LATE);
        if (this.#late === MAX_LATE) {
          this.#restsUntil = this.#now() + this.#rest;
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
