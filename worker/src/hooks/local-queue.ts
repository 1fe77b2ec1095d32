/** Jobs that wait in this process, where the platform has no queue. @module */
import { onAbort } from "../../../js/common/on-abort.ts";
import type { Job } from "./job.ts";
import { subjectOf } from "./job.ts";

/** How jobs are run. */
export interface LocalQueueOptions {
  /** One try of a job. Gives the seconds after which there is to be another; nothing where it is over. Never rejects. */
  run(job: Job): Promise<number | undefined>;
  /** Told of a job that was to be tried again, and never will be. Never rejects. */
  stopped(job: Job): Promise<void>;
  /** Keeps the platform from ending before the promise settles. */
  waitUntil(promise: Promise<unknown>): void;
  /** Whether each job belongs to the request that brought it, as on the edge's platform. */
  readonly isolated: boolean;
  /** Jobs at most: those that wait, run, or are to be tried again. */
  readonly max: number;
  /** Jobs that run at a time, each of another repository. */
  readonly maxRunning: number;
  /** Ends what is to be tried again. */
  readonly stop: AbortSignal | undefined;
}

/** One place of so many is kept for repositories that do not have all the others. */
const SHARE = 8;

/** The queue. Repositories take turns: one that pushes much keeps another waiting for one of its jobs, not for all. */
export class LocalQueue {
  readonly #options: LocalQueueOptions;
  /** By repository, the one whose turn is next first. */
  readonly #waiting = new Map<string, Job[]>();
  /** Repositories that have a job running. */
  readonly #busy = new Set<string>();
  /** To be tried again. */
  readonly #later = new Set<Job>();
  /** Jobs of each repository that have a place. */
  readonly #places = new Map<string, number>();
  #held = 0;
  #running = 0;

  constructor(options: LocalQueueOptions) {
    this.#options = options;
  }

  /** Whether a job that would do the same waits, and has not begun. */
  has(job: Pick<Job, "push" | "version">): boolean {
    const subject = subjectOf(job);
    const waiting = [...(this.#waiting.get(repositoryOf(job)) ?? []), ...this.#later];
    return waiting.some((other) => subjectOf(other) === subject);
  }

  /** Takes a job, if there is room. It has its place until it is over, also while it is to be tried again. */
  add(job: Job): boolean {
    const { max } = this.#options;
    const repository = repositoryOf(job);
    const own = this.#places.get(repository) ?? 0;
    if (this.#held >= max || own >= max - Math.floor(max / SHARE)) return false;
    this.#held += 1;
    this.#places.set(repository, own + 1);
    this.#enqueue(job);
    return true;
  }

  #enqueue(job: Job): void {
    const repository = repositoryOf(job);
    const jobs = this.#waiting.get(repository);
    if (jobs) jobs.push(job);
    else this.#waiting.set(repository, [job]);
    this.#start();
  }

  #start(): void {
    const { isolated, maxRunning, waitUntil } = this.#options;
    if (!isolated && this.#running >= maxRunning) return;
    const job = this.#next();
    if (!job) return;
    waitUntil(this.#work(job));
    if (!isolated) this.#start();
  }

  /** The next job of the repository whose turn it is; that is then the last one. */
  #next(): Job | undefined {
    for (const [repository, jobs] of this.#waiting) {
      if (this.#busy.has(repository) && !this.#options.isolated) continue;
      const job = jobs.shift();
      this.#waiting.delete(repository);
      if (jobs.length > 0) this.#waiting.set(repository, jobs);
      if (job) return job;
    }
    return undefined;
  }

  async #work(job: Job): Promise<void> {
    const repository = repositoryOf(job);
    const { run, waitUntil, isolated } = this.#options;
    this.#running += 1;
    this.#busy.add(repository);
    let wait: number | undefined;
    try {
      wait = await run(job);
    } finally {
      this.#running -= 1;
      this.#busy.delete(repository);
      // Others have come meanwhile: they are next.
      const more = this.#waiting.get(repository);
      if (more && this.#waiting.delete(repository)) this.#waiting.set(repository, more);
    }
    if (wait === undefined) this.#leave(repository);
    else {
      this.#later.add(job);
      waitUntil(this.#again(job, wait));
    }
    if (!isolated) this.#start();
  }

  async #again(job: Job, seconds: number): Promise<void> {
    const { stop, stopped } = this.#options;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        callOff();
        resolve();
      }, seconds * 1000);
      const callOff = onAbort(stop, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.#later.delete(job);
    if (!stop?.aborted) {
      this.#enqueue(job);
      return;
    }
    this.#leave(repositoryOf(job));
    await stopped(job);
  }

  #leave(repository: string): void {
    this.#held -= 1;
    const left = (this.#places.get(repository) ?? 0) - 1;
    if (left > 0) this.#places.set(repository, left);
    else this.#places.delete(repository);
  }
}

function repositoryOf({ push }: Pick<Job, "push">): string {
  return `${push.registry}/${push.repository}`;
}
