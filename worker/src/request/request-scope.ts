/** The scope of one request: its limits, its clock, what it cost, and how it ended. @module */
import type { Fetch, FetchResponse, Image } from "ocipeek";
import { onAbort } from "../../../js/common/on-abort.ts";
import { Turns } from "../../../js/common/turns.ts";
import type { RequestLimits } from "../config/config.ts";
import { HttpError, toHttpError } from "../errors.ts";
import { Sharing } from "../http/sharing.ts";
import type { Ports, Scope } from "../ports.ts";
import { requestId } from "./request-id.ts";
import { Stall, type StalledAnswers } from "./stall.ts";

/** A turn of a request's work, in steps where the edge's clock stands still: others have theirs after it. */
const TURN = { ms: 15, units: 256 };

/** Cost of a request so far. */
export interface Cost {
  /** Requests to registries, token services and storage. */
  readonly requests: number;
  /** Bytes of their bodies. */
  readonly bytes: number;
  /** Parts found in a cache. */
  readonly cacheHits: number;
  /** Bytes inflated. */
  readonly inflated: number;
}

/** What of an image's counters is counted. */
type Counters = Pick<Cost, "cacheHits" | "inflated">;

/** What a request's scope is in. */
export interface Surroundings {
  /** The caller's address, where it is known. */
  readonly address?: string | undefined;
  /** Answers of all requests that nobody takes. */
  readonly stalled: StalledAnswers;
}

/** The request's scope. Ends once: by {@link end}. */
export class RequestScope implements Scope {
  readonly id: string;
  readonly address: string;
  readonly authorization: string | undefined;
  readonly fetch: Fetch;
  readonly sharing: Sharing;
  /** Of all that is done for it. */
  readonly turns: Turns;
  /** Bytes of the body that the caller took. */
  sent = 0;
  /** Files that the archive lacks because they cannot be read. */
  leftOut = 0;
  /** Since when the caller has taken nothing of what there is for it, in milliseconds since the epoch. */
  stalledSince: number | undefined;
  /** Whether it is to end, as others want what it has; its own timer sees to that. */
  isToGiveWay = false;
  /** Settles when all that belongs to the request is over. */
  readonly ended: Promise<void>;
  readonly #ports: Ports;
  readonly #stalled: StalledAnswers;
  readonly #started: number;
  readonly #controller = new AbortController();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #timings: string[] = [];
  readonly #atEnd: ((error: HttpError | undefined) => void)[] = [];
  #settle: () => void = () => {};
  #reason: HttpError | undefined;
  #isOver = false;
  #requests = 0;
  #bytes = 0;
  /** Readers of images that count as this request's. */
  readonly #tracked = new Set<Image>();
  /** What those have cost that are counted no more. */
  #past: Counters = { cacheHits: 0, inflated: 0 };
  /** Gives up what it holds of images. */
  readonly #held = new Set<() => void>();

  constructor(request: Request, ports: Ports, { address = "", stalled }: Surroundings) {
    this.#ports = ports;
    this.address = address;
    this.#stalled = stalled;
    this.#started = ports.now();
    this.id = requestId(request.headers);
    this.authorization = ports.config.passAuthorization ? basic(request.headers) : undefined;
    this.turns = new Turns({ ...TURN, signal: this.#controller.signal });
    this.sharing = new Sharing(ports.config, request);
    this.fetch = (url, init) => this.#fetch(url, init);
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { maxSeconds, maxSecondsToHead } = ports.config.limits;
    this.#after(maxSecondsToHead, "the answer's head");
    this.#after(maxSeconds, "the answer");
    this.onEnd(onAbort(request.signal, () => this.leave()));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** It is about this registry: from now on answers say whose rights they are made with. */
  readsFrom(registry: string): void {
    const { isOperators } = this.#ports;
    this.sharing.audience =
      this.authorization !== undefined ? "caller" : isOperators(registry) ? "operator" : "everybody";
  }

  /** Whether it was stopped before it was done. */
  get stopped(): boolean {
    return this.#reason !== undefined;
  }

  /** Stops all that runs for the request. The first reason counts. */
  stop(reason: HttpError): void {
    if (this.#reason || this.#isOver) return;
    this.#reason = reason;
    this.#controller.abort(reason);
  }

  /** The caller left. */
  leave(): void {
    this.stop(new HttpError("ABORTED", "the caller left"));
  }

  /** The error to answer with: why the request was stopped, where it was, else what was thrown. */
  errorOf(thrown: unknown): HttpError {
    return this.#reason ?? toHttpError(thrown);
  }

  /** What a caller that reads JSON is told of a failure. */
  errorBody({ code, message, status }: HttpError): object {
    return { error: { code, message, status, requestId: this.id } };
  }

  /** The head of the answer is known: only the longer time limit remains. */
  headIsKnown(): void {
    clearTimeout(this.#timers[0]);
  }

  /** The times at which its answer waits for the caller; `park` gives up what it needs no more until that goes on. */
  stall(park: () => void): Stall {
    const { config, now } = this.#ports;
    return new Stall(this, park, { limits: config.limits, now, answers: this.#stalled });
  }

  /** Calls `action` when the request is over. */
  onEnd(action: (error: HttpError | undefined) => void): void {
    this.#atEnd.push(action);
  }

  /**
   * `release` gives up what the request holds of an image: at its end, or when {@link release} is called before; at once where
   * the request has ended while it waited for it.
   */
  holds(release: () => void): void {
    if (this.#isOver) release();
    else this.#held.add(release);
  }

  /** Gives up all that the request holds of images. */
  release(): void {
    for (const release of this.#held) release();
    this.#held.clear();
  }

  /** The request is over, well or with an error. Twice is once. */
  end(error?: HttpError): void {
    if (this.#isOver) return;
    this.release();
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const action of this.#atEnd.reverse()) action(error);
    this.#settle();
  }

  /** Counts what a reader of an image does as this request's. */
  track(reader: Image): void {
    this.#tracked.add(reader);
    // Within a step, too.
    reader.allowInflated(Math.max(0, this.#ports.config.limits.maxInflatedBytes - this.cost().inflated));
  }

  /** Counts what an image has done so far as this request's, and no more. */
  untrack(image: Image): void {
    this.#tracked.delete(image);
    const { cacheHits, inflated } = image.stats;
    this.#past = { cacheHits: this.#past.cacheHits + cacheHits, inflated: this.#past.inflated + inflated };
  }

  /** What it has cost so far. */
  cost(): Cost {
    const cost = { requests: this.#requests, bytes: this.#bytes, ...this.#past };
    for (const { stats } of this.#tracked) {
      cost.cacheHits += stats.cacheHits;
      cost.inflated += stats.inflated;
    }
    return cost;
  }

  /** Stops the request where it has inflated too much. Called between the steps of a read, each bounded itself. */
  checkInflated(): void {
    this.#limit("maxInflatedBytes", this.cost().inflated);
  }

  /** Stops the request where it has met too many entries. */
  checkEntries(count: number): void {
    this.#limit("maxEntries", count);
  }

  /** Stops the request where a folder's own listing has too many entries. */
  checkListing(count: number): void {
    this.#limit("maxListing", count);
  }

  /** Runs a step and notes how long it took, for `Server-Timing`. */
  async timed<T>(name: string, step: () => Promise<T>): Promise<T> {
    const start = this.#ports.now();
    try {
      return await step();
    } finally {
      this.#timings.push(`${name};dur=${this.#ports.now() - start}`);
    }
  }

  /** Waits a moment, by a timer of its own: on the edge's platform nothing else may be waited for. */
  async pause(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.signal.throwIfAborted();
  }

  /** Milliseconds since it began. */
  elapsed(): number {
    return this.#ports.now() - this.#started;
  }

  /** Headers that say what the answer cost up to its first byte. */
  costHeaders(): Record<string, string> {
    const { requests, bytes, cacheHits } = this.cost();
    return {
      "server-timing": [...this.#timings, `total;dur=${this.elapsed()}`].join(", "),
      "x-ocipeek-requests": String(requests),
      "x-ocipeek-bytes": String(bytes),
      "x-ocipeek-cache-hits": String(cacheHits),
    };
  }

  #after(seconds: number, what: string): void {
    const stop = (): void =>
      this.stop(new HttpError("TIMEOUT", `${what} took longer than ${seconds} seconds`));
    this.#timers.push(setTimeout(stop, seconds * 1000));
  }

  #limit(name: keyof RequestLimits, value: number): void {
    const most = this.#ports.config.limits[name];
    if (value > most) {
      this.stop(new HttpError("LIMIT_EXCEEDED", `this request needs more than ${name} = ${most}`));
    }
    if (this.#reason) throw this.#reason;
  }

  /**
   * As {@link fetch}, for what is not needed: a refusal keeps nobody from reading. It comes as an answer of the registry's,
   * which the package notes and does not ask for again.
   */
  async fetchIfAllowed(url: string, init: Parameters<Fetch>[1]): Promise<FetchResponse> {
    this.#begin();
    try {
      return this.#counted(await this.#ports.fetch(url, init));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const answer = { errors: [{ code: "DENIED", message: error.message }] };
      return Response.json(answer, { status: 403 }) as FetchResponse;
    }
  }

  #begin(): void {
    if (this.#isOver) throw new HttpError("ABORTED", "the request is over");
    this.#requests += 1;
    this.#limit("maxSubrequests", this.#requests);
  }

  async #fetch(url: string, init: Parameters<Fetch>[1]): Promise<FetchResponse> {
    this.#begin();
    try {
      return this.#counted(await this.#ports.fetch(url, init));
    } catch (error) {
      // The guard's refusals are final: without this the package would try again.
      if (error instanceof HttpError) this.stop(error);
      throw error;
    }
  }

  /** The answer with its body counted as it is read. */
  #counted(response: FetchResponse): FetchResponse {
    const body = response.body as ReadableStream<Uint8Array> | null;
    if (!body) return response;
    const reader = body.getReader();
    const counted = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          this.#bytes += value.byteLength;
          try {
            this.#limit("maxFetchedBytes", this.#bytes);
          } catch (error) {
            void reader.cancel(error).catch(() => {});
            throw error;
          }
          controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    const { status, headers, url, type } = response;
    return { status, headers, body: counted, ...(url ? { url } : {}), ...(type ? { type } : {}) };
  }
}

/** The caller's Basic credentials; other schemes are not for registries. */
function basic(headers: Headers): string | undefined {
  const value = headers.get("authorization");
  return value && /^Basic +[A-Za-z0-9+/]+=*$/i.test(value) ? value : undefined;
}
