/** Log of jobs, for those who look. @module */
import type { Version } from "../config/hooks.ts";
import type { Job } from "./job.ts";
import type { Failure, Outcome, Pushed } from "./outcome.ts";
import { imageOf, type Kind } from "./push.ts";

/** A job and what became of it so far. */
export interface JobRecord {
  readonly id: string;
  readonly kind: Kind;
  /** `registry/repository:tag@digest`, as the notification named it. */
  readonly image: string;
  readonly version: Version;
  readonly status: "queued" | "running" | "retrying" | "done" | "skipped" | "failed";
  /** Why there was nothing to do. */
  readonly reason?: string;
  /** What went wrong, last. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Manifests that were written. */
  readonly pushed?: readonly Pushed[];
  /** Digests of indexes that are attached to the image and do not say what its layers say. */
  readonly refuted?: readonly string[];
  readonly tries: number;
  /** Requests of the last try. */
  readonly requests?: number;
  /** ISO 8601. */
  readonly queuedAt: string;
  readonly endedAt?: string;
}

/** Keeps records by the job's id. */
export interface JobLog {
  put(record: JobRecord): Promise<void> | void;
  /** The newest first. */
  list(): Promise<JobRecord[]> | JobRecord[];
}

/** The record of a job that waits. */
export function queued(job: Job): JobRecord {
  return {
    id: job.id,
    kind: job.kind,
    image: imageOf(job.push),
    version: job.version,
    status: "queued",
    tries: 0,
    queuedAt: new Date(job.queuedAt).toISOString(),
  };
}

/** The record after a try. */
export function ended(job: Job, tries: number, outcome: Outcome, now: number): JobRecord {
  const { requests, refuted, status } = outcome;
  const more = {
    ...(outcome.status === "done" ? { pushed: outcome.pushed } : { reason: outcome.reason }),
    ...(refuted ? { refuted } : {}),
  };
  return { ...queued(job), status, ...more, tries, requests, endedAt: new Date(now).toISOString() };
}

/** The record after a try that failed; `again`: it is tried once more. */
export function failed(job: Job, tries: number, failure: Failure, again: boolean, now: number): JobRecord {
  const { code, message } = failure;
  const end = again ? {} : { endedAt: new Date(now).toISOString() };
  return { ...queued(job), status: again ? "retrying" : "failed", error: { code, message }, tries, ...end };
}

/** Records in this process or isolate: the last ones. */
export class MemoryJobs implements JobLog {
  readonly #max: number;
  readonly #records = new Map<string, JobRecord>();

  constructor(max = 200) {
    this.#max = max;
  }

  put(record: JobRecord): void {
    // Where it is known it keeps its place.
    this.#records.set(record.id, record);
    if (this.#records.size <= this.#max) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }

  list(): JobRecord[] {
    return [...this.#records.values()].reverse();
  }
}
