/** One try of a job: looks at the registry, builds what is missing, and pushes it. @module */
import { type Fetch, type FetchInit, OcipeekError, type Source } from "ocipeek";
import type { IndexOptions, LayerProgress, PlatformArtifacts } from "ocipeek/build";
import type { ConnectionOptions, Destination } from "ocipeek/push";
import { type Config, isPlain } from "../config/config.ts";
import { DEFAULT_MIN_LAYER, DEFAULT_SPAN, type HooksConfig } from "../config/hooks.ts";
import { HttpError, toHttpError } from "../errors.ts";
import type { FindAuth } from "../ports.ts";
import type { AccessList } from "../registry/access.ts";
import { guardedFetch, type PlatformFetch } from "../registry/guarded-fetch.ts";
import { attachedTo, find, forPlatforms, type ImageDoc, isConverted } from "./examine.ts";
import type { Job } from "./job.ts";
import type { Failure, Outcome, Pushed } from "./outcome.ts";
import { imageOf } from "./push.ts";

/** The package's functions that are used; they come when the first job does. */
export type Tools = Pick<typeof import("ocipeek"), "openSource"> &
  Pick<typeof import("ocipeek/build"), "createIndex" | "convertImage" | "pushArtifacts" | "verifyIndex"> &
  Pick<typeof import("ocipeek/push"), "registryDestination">;

/** Dependencies of a try. */
export interface WorkDeps {
  readonly config: Pick<Config, "insecureRegistries" | "tlsRegistries" | "tokenHosts">;
  readonly hooks: HooksConfig;
  readonly access: AccessList;
  readonly auth: FindAuth | undefined;
  readonly fetch: PlatformFetch;
  readonly tools: () => Promise<Tools>;
  /** Limits of the library, by its names. */
  readonly libraryLimits: Readonly<Record<string, number>>;
  /** Layers at a time: 1 where memory is scarce. */
  readonly parallel: 1 | 2;
  /** Seconds that a try may take here. */
  readonly maxSeconds: number;
  /** Milliseconds to wait, in turn, for a tag that does not name yet what was pushed. */
  readonly waits: readonly number[];
}

/** Does one try. Rejects with what went wrong; see {@link failureOf}. */
export async function work(job: Job, deps: WorkDeps, stop?: AbortSignal): Promise<Outcome> {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(tooLong(job, deps)), deps.maxSeconds * 1000);
  const signal = stop ? AbortSignal.any([stop, own.signal]) : own.signal;
  const task = new Task(job, deps, signal, (why) => own.abort(why));
  try {
    return await Promise.race([task.run(), rejected(signal)]);
  } catch (error) {
    // What was stopped fails in many ways; why it was stopped is what counts.
    throw signal.aborted ? signal.reason : elsewhere(error, job, deps);
  } finally {
    clearTimeout(timer);
    // Whatever is still under way has no end to reach.
    own.abort(new HttpError("ABORTED", "the try is over"));
  }
}

/** Rejects when the signal says so, whoever else does not listen to it. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Failure of a try, as it is told. */
export function failureOf(error: unknown): Failure {
  const { code, message } = toHttpError(error);
  const wait = error instanceof OcipeekError ? error.retryAfter : undefined;
  return { code, message, passing: code === "NETWORK" || code === "RATE_LIMITED", retryAfter: wait };
}

/** Bytes that a layer may inflate to whatever its size is. */
const INFLATES_FREELY = 2 ** 30;

/** One try. */
class Task {
  readonly #job: Job;
  readonly #deps: WorkDeps;
  readonly #signal: AbortSignal;
  readonly #end: (why: HttpError) => void;
  readonly #name: string;
  /** Bytes that each layer has inflated to. */
  readonly #inflated = new Map<string, number>();
  /** Attached indexes that do not say what the layers say. */
  readonly #refuted: string[] = [];
  #requests = 0;

  /** `end` stops the try. */
  constructor(job: Job, deps: WorkDeps, signal: AbortSignal, end: (why: HttpError) => void) {
    this.#job = job;
    this.#deps = deps;
    this.#signal = signal;
    this.#end = end;
    this.#name = `${job.push.registry}/${job.push.repository}`;
  }

  async run(): Promise<Outcome> {
    const { push, version } = this.#job;
    const { access, tools } = this.#deps;
    // The configuration may have changed since it was queued.
    access.check(push.registry, push.repository);
    const { registryDestination } = await tools();
    const repository = await registryDestination(`${this.#scheme}${this.#name}`, this.#connection());
    // A tag may have moved on since; what it names now is what its converted image is made of.
    const reference = (version === "V2" ? push.tag : (push.digest ?? push.tag)) ?? "";
    const wanted = { reference, digest: push.digest, waits: this.#deps.waits };
    const found = await find(repository, wanted, this.#signal);
    if (typeof found === "string") return this.#skipped(found);
    const images = forPlatforms(found.images, this.#deps.hooks.platforms);
    if (images.length === 0) return this.#skipped("nothing-to-index");
    if (version === "V2") return this.#convert(repository, found.digest, images);
    return this.#index(repository, images);
  }

  async #index(repository: Destination, images: readonly ImageDoc[]): Promise<Outcome> {
    this.#checkLayers(images);
    const { createIndex, pushArtifacts } = await this.#deps.tools();
    const source = await this.#source();
    const pushed: Pushed[] = [];
    let isIndexed = false;
    for (const { image, indexes } of await attachedTo(repository, images, this.#signal)) {
      if (indexes.length > 0 && (await this.#isRight(source, image))) {
        isIndexed = true;
        continue;
      }
      const artifacts = await createIndex(source, image.digest, this.#options());
      try {
        if (!isWorthIt(artifacts.images)) continue;
        // Behind one that is wrong, the right one may be listed already.
        if (artifacts.images.every(({ index }) => !index || indexes.includes(index.digest))) {
          isIndexed = true;
          continue;
        }
        const report = await pushArtifacts(source, artifacts, repository, { signal: this.#signal });
        pushed.push(...report.manifests);
      } finally {
        await artifacts.close();
      }
    }
    if (pushed.length > 0) return this.#done(pushed);
    return this.#skipped(isIndexed ? "already-indexed" : "nothing-to-index");
  }

  /** Whether the index that readers would take of those attached to an image says what its layers say. */
  async #isRight(source: Source, image: ImageDoc): Promise<boolean> {
    const { verifyIndex } = await this.#deps.tools();
    const { platforms, parallel, limits, signal, onProgress } = this.#options();
    const options = { platforms, parallel, limits, signal, onProgress };
    const report = await verifyIndex(source, image.digest, options);
    if (report.verified) return true;
    for (const { index, layers } of report.images) {
      const isWrong = layers.some(({ outcome }) => outcome === "different" || outcome === "broken");
      if (index && isWrong) this.#refuted.push(index.digest);
    }
    return false;
  }

  async #convert(repository: Destination, digest: string, images: readonly ImageDoc[]): Promise<Outcome> {
    const tag = targetTag(this.#job, this.#deps.hooks);
    if (await isConverted(repository, tag, images, this.#signal)) return this.#skipped("already-indexed");
    this.#checkLayers(images);
    const { convertImage, pushArtifacts } = await this.#deps.tools();
    const source = await this.#source();
    const converted = await convertImage(source, digest, this.#options());
    try {
      if (!isWorthIt(converted.images)) return this.#skipped("nothing-to-index");
      const report = await pushArtifacts(source, converted, repository, { tag, signal: this.#signal });
      return this.#done(report.manifests);
    } finally {
      await converted.close();
    }
  }

  /** Layers that would be indexed and are too large for here. */
  #checkLayers(images: readonly ImageDoc[]): void {
    const { minLayerSize, limits } = this.#deps.hooks;
    if (limits.maxLayerSize === 0) return;
    const most = Math.max(limits.maxLayerSize, minLayerSize - 1);
    const indexed = images.flatMap(({ layers }) =>
      layers.filter(({ mediaType }) => !mediaType.endsWith("zstd")),
    );
    const large = indexed.find(({ size }) => size > most);
    if (!large) return;
    const has = `the layer ${large.digest} has ${large.size} bytes`;
    throw this.#over(`${has}, more than maxLayerSize = ${limits.maxLayerSize}`);
  }

  #options(): IndexOptions {
    const { hooks, parallel, libraryLimits } = this.#deps;
    return {
      platforms: hooks.platforms ?? "all",
      spanSize: hooks.spanSize,
      minLayerSize: hooks.minLayerSize,
      parallel,
      limits: { ...libraryLimits },
      signal: this.#signal,
      onProgress: ({ layer }) => {
        if (layer) this.#checkInflated(layer);
      },
    };
  }

  /** A layer came on: one that inflates without end keeps other images waiting. */
  #checkInflated({ digest = "", total = 0, inflated }: LayerProgress): void {
    const { maxInflatedBytes, maxInflation } = this.#deps.hooks.limits;
    this.#inflated.set(digest, inflated);
    const sum = [...this.#inflated.values()].reduce((all, one) => all + one, 0);
    if (sum > maxInflatedBytes) {
      this.#end(this.#over(`its layers inflate to more than maxInflatedBytes = ${maxInflatedBytes}`));
    } else if (maxInflation > 0 && inflated > Math.max(INFLATES_FREELY, total * maxInflation)) {
      const most = `maxInflation = ${maxInflation} times that`;
      this.#end(this.#over(`the layer ${digest} of ${total} bytes inflates to more than ${most}`));
    }
  }

  /** A limit is exceeded here. */
  #over(why: string): HttpError {
    return new HttpError("LIMIT_EXCEEDED", `${why}; ${byHand(this.#job, this.#deps.hooks)}`);
  }

  #source(): Promise<Source> {
    const { tools, libraryLimits } = this.#deps;
    // With a scheme a reference has a tag; this one is not asked for.
    const reference = this.#scheme ? `${this.#scheme}${this.#name}:latest` : this.#name;
    const options = { ...this.#connection(), limits: { ...libraryLimits }, signal: this.#signal };
    return tools().then(({ openSource }) => openSource(reference, options));
  }

  /** Of a registry on whatever address that speaks TLS: it is not asked first whether it does. */
  get #scheme(): string {
    return this.#deps.config.tlsRegistries.includes(this.#job.push.registry) ? "https://" : "";
  }

  /** How the registry is reached, for reading and for writing. */
  #connection(): ConnectionOptions {
    const { config, access, auth, fetch } = this.#deps;
    const { registry, repository } = this.#job.push;
    const guarded = guardedFetch(access, config, fetch, { registry, repository });
    return {
      ...(auth ? { auth } : {}),
      fetch: (url, init) => this.#count(guarded, url, init),
      plainHttp: isPlain(config, registry),
      tokenHosts: [...config.tokenHosts],
      maxIdleMs: this.#deps.libraryLimits.maxIdleMs,
    };
  }

  async #count(fetch: Fetch, url: string, init: FetchInit): ReturnType<Fetch> {
    this.#signal.throwIfAborted();
    this.#requests += 1;
    const { maxSubrequests } = this.#deps.hooks.limits;
    try {
      if (this.#requests > maxSubrequests) {
        throw this.#over(`this image needs more than maxSubrequests = ${maxSubrequests}`);
      }
      return await fetch(url, { ...init, signal: AbortSignal.any([init.signal, this.#signal]) });
    } catch (error) {
      // The guard's refusal, or a limit: sent again it would be the same.
      if (error instanceof HttpError) this.#end(error);
      throw error;
    }
  }

  #done(manifests: readonly Pushed[]): Outcome {
    const pushed = manifests.map(({ digest, tag }) => ({ digest, ...(tag ? { tag } : {}) }));
    return { status: "done", pushed, ...this.#told() };
  }

  #skipped(reason: Extract<Outcome, { status: "skipped" }>["reason"]): Outcome {
    return { status: "skipped", reason, ...this.#told() };
  }

  #told(): { refuted?: readonly string[]; requests: number } {
    return { ...(this.#refuted.length > 0 ? { refuted: this.#refuted } : {}), requests: this.#requests };
  }
}

/** Whether any platform's image got an index. */
function isWorthIt(images: readonly PlatformArtifacts[]): boolean {
  return images.some(({ index }) => index !== undefined);
}

/** The tag of the converted image. A tag has 128 characters at most. */
function targetTag({ push }: Job, { suffix }: HooksConfig): string {
  const tag = `${push.tag ?? ""}${suffix}`;
  if (tag.length <= 128) return tag;
  throw new HttpError("INVALID_ARGUMENT", `the tag ${push.tag} is too long for a suffix of ${suffix.length}`);
}

/** Says how to do the same elsewhere. */
function byHand(job: Job, hooks: HooksConfig): string {
  const { version } = job;
  const image = imageOf(version === "V2" ? { ...job.push, digest: undefined } : job.push);
  const options = [
    hooks.platforms?.map((one) => ` --platform ${one}`).join("") ?? " --all-platforms",
    hooks.spanSize === DEFAULT_SPAN ? "" : ` --span-size ${hooks.spanSize}`,
    hooks.minLayerSize === DEFAULT_MIN_LAYER ? "" : ` --min-layer-size ${hooks.minLayerSize}`,
  ].join("");
  if (version === "V1") return `run: npx ocipeek soci create ${image}${options}`;
  return `run: npx ocipeek soci convert ${image} ${image}${hooks.suffix}${options}`;
}

/** A limit of the library that is lower here than elsewhere: its error says how to do the same there. */
function elsewhere(error: unknown, job: Job, { hooks, libraryLimits }: WorkDeps): unknown {
  if (!(error instanceof OcipeekError) || error.code !== "LIMIT_EXCEEDED") return error;
  if (!Object.keys(libraryLimits).includes(error.limit ?? "")) return error;
  const { message } = toHttpError(error);
  return new HttpError("LIMIT_EXCEEDED", `${message}; ${byHand(job, hooks)}`, { cause: error });
}

function tooLong(job: Job, { hooks, maxSeconds }: WorkDeps): HttpError {
  return new HttpError("TIMEOUT", `it took more than ${maxSeconds} seconds; ${byHand(job, hooks)}`);
}
