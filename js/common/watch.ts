/** Gives up what nothing comes from, or goes to, while somebody waits for it. @module */

/** Milliseconds, unless the limit `maxIdleMs` says otherwise: as the reader has it. */
export const MAX_IDLE_MS = 30_000;
/** A timer that rings so much later than it should was rung by a machine that slept. */
const LATE_MS = 1_000;

/** Answer of `fetch`, as far as it is used. */
interface Answer {
  readonly status: number;
  readonly headers: object;
  readonly body: object | null;
  readonly url?: string | undefined;
  readonly type?: string | undefined;
}

/** Watches one exchange: whoever waits for it does so no longer than since its last sign of life, and `ms`. */
export class Watch {
  readonly #ms: number;
  readonly #onIdle: () => unknown;
  #until = 0;

  /** `onIdle` makes the error, and ends what is idle. 0 ms: waits for ever. */
  constructor(ms: number, onIdle: () => unknown) {
    this.#ms = ms;
    this.#onIdle = onIdle;
    this.beat();
  }

  /** A sign of life. `more`: milliseconds beyond the limit that what it set off may take. */
  beat(more = 0): void {
    this.#until = performance.now() + this.#ms + more;
  }

  /** What `promise` gives. One that settles at once costs little; time in which nobody waits does not count. */
  async over<T>(promise: Promise<T>): Promise<T> {
    if (this.#ms === 0) return promise;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const idle = new Promise<never>((_, reject) => {
      let isLate = false;
      const look = (): void => {
        const over = performance.now() - this.#until;
        if (over > LATE_MS && !isLate) {
          isLate = true;
          this.beat();
        }
        const left = this.#until - performance.now();
        if (left > 0) timer = setTimeout(look, left);
        else reject(this.#onIdle());
      };
      timer = setTimeout(look, Math.max(this.#until - performance.now(), 0));
    });
    try {
      return await Promise.race([promise, idle]);
    } finally {
      clearTimeout(timer);
      promise.catch(() => {});
    }
  }

  /** A body, whose reader waits no longer than that for each piece. `onEnd`: it is over, one way or the other. */
  body(
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    onEnd: () => void = () => {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const reader = body.getReader();
    const leave = (reason: unknown): void => {
      onEnd();
      void reader.cancel(reason).catch(() => {});
    };
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          this.beat();
          try {
            const { done, value } = await this.over(reader.read());
            if (!done) return controller.enqueue(value);
            onEnd();
            controller.close();
          } catch (error) {
            leave(error);
            throw error;
          }
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
  }

  /** An answer of `fetch`, with such a body. */
  answer<A extends Answer>(answer: A): A | Answer {
    const { status, headers, body, url, type } = answer;
    if (!body) return answer;
    return { status, headers, body: this.body(body as ReadableStream<Uint8Array<ArrayBuffer>>), url, type };
  }
}
