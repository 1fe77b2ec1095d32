/** Events that came before. @module */
import { BoundedMap } from "../../../js/common/bounded-map.ts";

const MAX = 10_000;

/** The last ones, in this process or isolate. */
export class Events {
  readonly #ms: number;
  readonly #jobs = new BoundedMap<string, { job: string; until: number }>(MAX);

  /** `ms`: so long they are remembered. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Whether it came, and its job did not fail. */
  has(event: string, now: number): boolean {
    const known = this.#jobs.get(event);
    return known !== undefined && now < known.until;
  }

  /** Remembers it. */
  add(event: string, job: string, now: number): void {
    this.#jobs.set(event, { job, until: now + this.#ms });
  }

  /** Its job failed: who sends it again means it. */
  forget(job: string): void {
    for (const [event, known] of this.#jobs) if (known.job === job) this.#jobs.delete(event);
  }
}
