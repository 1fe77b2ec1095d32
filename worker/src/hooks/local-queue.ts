/** Jobs that wait in this process, where the platform has no queue. @module */
import type { Job } from "./job.ts";
import { subjectOf } from "./job.ts";

/** How jobs are run. */
export interface LocalQueueOptions {
  /** Does a job to its end, well or not. Never rejects. */
  run(job: Job): Promise<void>;
  /** Keeps the platform from ending before the promise settles. */
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Whether each job belongs to the request that brought it, as on the edge's platform; else they are done one after
   * the other.
   */
  readonly isolated: boolean;
  /** Jobs that wait or run, at most. */
  readonly max: number;
}

/** The queue. */
export class LocalQueue {
  readonly #options: LocalQueueOptions;
  readonly #waiting: Job[] = [];
  #running = 0;

  constructor(options: LocalQueueOptions) {
    this.#options = options;
  }

  /** Whether a job that would do the same waits, and has not begun. */
  has(job: Pick<Job, "push" | "version">): boolean {
    const subject = subjectOf(job);
    return this.#waiting.some((other) => subjectOf(other) === subject);
  }

  /** Takes a job, if there is room; `again`: one that had its place before. */
  add(job: Job, again = false): boolean {
    if (!again && this.#waiting.length + this.#running >= this.#options.max) return false;
    this.#waiting.push(job);
    if (this.#options.isolated || this.#running === 0) this.#options.waitUntil(this.#drain());
    return true;
  }

  async #drain(): Promise<void> {
    this.#running += 1;
    try {
      for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
        await this.#options.run(job);
        if (this.#options.isolated) break;
      }
    } finally {
      this.#running -= 1;
    }
  }
}
