/**
 * `POST /hooks/<kind>`: a registry tells of a push, and the image gets a SOCI index. `GET /hooks/jobs`: what became of
 * it.
 * @module
 */

import { sha256 } from "../../../js/common/hex.ts";
import type { HooksConfig } from "../config/hooks.ts";
import { HttpError } from "../errors.ts";
import { wholeAnswer } from "../http/answer.ts";
import { SAFE } from "../http/headers.ts";
import type { AccessList } from "../registry/access.ts";
import { provenByBody, provenByHeaders, unproven } from "./auth.ts";
import { readBody } from "./body.ts";
import { Events } from "./events.ts";
import { type Job, parseJob } from "./job.ts";
import { ended, failed, type JobLog, type JobRecord, queued } from "./job-log.ts";
import { LocalQueue } from "./local-queue.ts";
import type { Outcome } from "./outcome.ts";
import { type Ignored, imageOf, KINDS, type Kind } from "./push.ts";
import type { Batch, Queue } from "./queue.ts";
import { isKind, readNotification } from "./read.ts";
import { type Selected, select } from "./select.ts";
import { Unproven } from "./unproven.ts";
import { failureOf } from "./work.ts";

/** Parts of the hooks. */
export interface HooksDeps {
  readonly config: HooksConfig;
  readonly access: AccessList;
  /** One try of a job. Rejects where it fails. */
  work(job: Job, stop: AbortSignal | undefined): Promise<Outcome>;
  /** The platform's queue, where one is bound. */
  readonly queue: Queue | undefined;
  readonly jobs: JobLog;
  waitUntil(promise: Promise<unknown>): void;
  /** Whether work belongs to the request that brought it, as on the edge's platform. */
  readonly isolated: boolean;
  /** Ends what runs and waits. */
  readonly stop: AbortSignal | undefined;
  now(): number;
  log(record: Record<string, unknown>): void;
}

/** Part of a request's scope that is used. */
export interface HookScope {
  readonly signal: AbortSignal;
}

const MAX_WAIT_S = 600;

/** The hooks. */
export class Hooks {
  readonly #deps: HooksDeps;
  readonly #local: LocalQueue;
  readonly #events: Events;
  readonly #tries = new Map<string, number>();
  readonly #unproven: Unproven;

  constructor(deps: HooksDeps) {
    this.#deps = deps;
    const { isolated, waitUntil, config, stop } = deps;
    this.#unproven = new Unproven(config.limits.maxUnproven);
    this.#local = new LocalQueue({
      run: (job) => this.#try(job),
      stopped: (job) => this.#neverAgain(job),
      waitUntil: (promise) => waitUntil(promise),
      isolated,
      max: config.limits.maxWaiting,
      maxRunning: config.limits.maxRunning,
      stop,
    });
    // Whether a queue's consumer failed is not known here: then the same event counts again soon.
    this.#events = new Events(deps.queue ? 300_000 : 86_400_000);
  }

  /**
   * Answers a request below `/hooks/`.
   * @throws HttpError
   */
  async answer(request: Request, name: string, scope: HookScope): Promise<Response> {
    if (name === "jobs") return this.#showJobs(request);
    if (!isKind(name)) {
      throw new HttpError("NOT_FOUND", `there is no such hook; there are ${KINDS.join(", ")}`);
    }
    requireMethod(request, "POST");
    const { secrets, limits, registries } = this.#deps.config;
    const { headers } = request;
    // Who proves nothing need not send anything.
    const proven = await provenByHeaders(headers, secrets);
    if (proven === false) throw unproven();
    const prove = async (body: Uint8Array<ArrayBuffer>): Promise<void> => {
      if (!(await provenByBody(headers, body, secrets))) throw unproven();
    };
    const share = proven ? undefined : { share: this.#unproven, prove };
    const body = await readBody(request, limits, scope.signal, share);
    const notification = readNotification(name, body, headers, registries);
    const { selected, ignored } = select(notification, this.#deps);
    return this.#accept(name, selected, ignored, await sha256(body));
  }

  /** Does the jobs that a queue delivers. */
  async consume({ messages }: Batch): Promise<void> {
    for (const message of messages) {
      const job = parseJob(message.body);
      if (!job) {
        this.#tell({ level: "error", message: "the queue held something else than a job" });
        message.ack();
        continue;
      }
      // The platform counts for itself, and takes the message off when it is over.
      const failure = await this.#once(job, message.attempts, message.attempts < this.#maxAttempts);
      if (!failure?.passing) message.ack();
      else message.retry({ delaySeconds: delayOf(message.attempts, failure.retryAfter) });
    }
  }

  get #maxAttempts(): number {
    return this.#deps.config.limits.maxAttempts;
  }

  async #showJobs(request: Request): Promise<Response> {
    requireMethod(request, "GET");
    if (!(await provenByHeaders(request.headers, this.#deps.config.secrets))) throw unproven();
    return json({ jobs: await this.#deps.jobs.list() });
  }

  async #accept(
    kind: Kind,
    selected: readonly Selected[],
    ignored: Ignored[],
    body: string,
  ): Promise<Response> {
    const { now, config } = this.#deps;
    const accepted: object[] = [];
    for (const { push, filter } of selected) {
      const image = imageOf(push);
      const event = `${kind} ${push.event ?? body} ${image}`;
      const job = { id: crypto.randomUUID(), kind, push, version: config.version, queuedAt: now() };
      if (this.#events.has(event, now())) ignored.push({ reason: "seen", image });
      else if (this.#local.has(job)) ignored.push({ reason: "waiting", image });
      else {
        this.#events.add(event, job.id, now());
        await this.#enqueue(job);
        accepted.push({ id: job.id, image, version: job.version, filter });
      }
    }
    return json({ jobs: accepted, ignored: summary(ignored) }, accepted.length > 0 ? 202 : 200);
  }

  async #enqueue(job: Job): Promise<void> {
    const { queue } = this.#deps;
    await this.#note(queued(job));
    if (queue) return this.#send(queue, job);
    if (this.#local.add(job)) return;
    await this.#refuse(job, { code: "RATE_LIMITED", message: "too many images wait" });
    const { maxWaiting } = this.#deps.config.limits;
    const why = `maxWaiting = ${maxWaiting} images wait already; send it again later`;
    throw new HttpError("RATE_LIMITED", why, { headers: { "retry-after": "60" } });
  }

  async #send(queue: Queue, job: Job): Promise<void> {
    try {
      await queue.send(job);
    } catch (cause) {
      await this.#refuse(job, { code: "NETWORK", message: "the queue takes nothing" });
      const why = "the queue takes nothing now; send it again later";
      throw new HttpError("NETWORK", why, { cause, status: 503 });
    }
  }

  /** The job never gets to its turn. */
  async #refuse(job: Job, why: Pick<ReturnType<typeof failureOf>, "code" | "message">): Promise<void> {
    this.#events.forget(job.id);
    const failure = { ...why, passing: false, retryAfter: undefined };
    await this.#note(failed(job, 0, failure, false, this.#deps.now()));
  }

  /** One try in this process; where it failed in a way that may pass, the seconds before another. */
  async #try(job: Job): Promise<number | undefined> {
    const tries = (this.#tries.get(job.id) ?? 0) + 1;
    const failure = await this.#once(job, tries, tries < this.#maxAttempts);
    if (!failure?.passing || tries >= this.#maxAttempts) {
      this.#tries.delete(job.id);
      return undefined;
    }
    this.#tries.set(job.id, tries);
    return delayOf(tries, failure.retryAfter);
  }

  /** A stop came before it was tried again. */
  async #neverAgain(job: Job): Promise<void> {
    const { stop, now } = this.#deps;
    await this.#note(failed(job, this.#tries.get(job.id) ?? 0, failureOf(stop?.reason), false, now()));
  }

  /** One try, told. */
  async #once(job: Job, tries: number, more: boolean): Promise<ReturnType<typeof failureOf> | undefined> {
    const { now, stop } = this.#deps;
    const start = now();
    await this.#note({ ...queued(job), status: "running", tries });
    try {
      const outcome = await this.#deps.work(job, stop);
      await this.#note(ended(job, tries, outcome, now()), now() - start);
      return undefined;
    } catch (error) {
      const failure = failureOf(error);
      const again = failure.passing && more && !stop?.aborted;
      if (!again) this.#events.forget(job.id);
      await this.#note(failed(job, tries, failure, again, now()), now() - start);
      if (failure.code === "INTERNAL") this.#tell({ level: "error", job: job.id, stack: stackOf(error) });
      return failure;
    }
  }

  /** Keeps and logs what is new of a job. */
  async #note(record: JobRecord, ms?: number): Promise<void> {
    const { id, kind, queuedAt: _, endedAt: __, error, ...rest } = record;
    const level = record.status === "failed" ? "error" : "info";
    this.#tell({ level, job: id, hook: kind, ...rest, ...error, ...(ms === undefined ? {} : { ms }) });
    try {
      await this.#deps.jobs.put(record);
    } catch {
      // The log has it.
    }
  }

  #tell(record: Record<string, unknown>): void {
    this.#deps.log({ time: new Date(this.#deps.now()).toISOString(), kind: "hook-job", ...record });
  }
}

/** Seconds before another try: what the registry asks for, else twice as many each time. */
function delayOf(tries: number, retryAfter: number | undefined): number {
  return Math.min(MAX_WAIT_S, Math.max(retryAfter ?? 0, 2 ** Math.min(tries, 10)));
}

function requireMethod(request: Request, method: string): void {
  if (request.method === method) return;
  throw new HttpError("METHOD_NOT_ALLOWED", `this URL takes ${method}`, { headers: { allow: method } });
}

/** Parts that came to nothing, those alike counted together. */
function summary(ignored: readonly Ignored[]): object[] {
  const counts = new Map<string, { reason: string; image?: string; count: number }>();
  for (const one of ignored) {
    const key = `${one.reason} ${one.image ?? ""}`;
    const known = counts.get(key);
    if (known) known.count += 1;
    else counts.set(key, { ...one, count: 1 });
  }
  return [...counts.values()];
}

/** Not for pages of other origins, and kept by nobody. */
function json(value: object, status = 200): Response {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return wholeAnswer({ method: "POST" }, `${JSON.stringify(value)}\n`, { ...SAFE, ...headers }, status);
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
