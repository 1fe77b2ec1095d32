/**
 * Open images, shared by requests and kept between them.
 *
 * What is known of an image is open once for all requests; each has a reader of its own, with its own requests to the
 * registry, cancellation and counters. On the edge's platform an answer that came for one request must not be waited for
 * by another: there readers that want the same at once each ask for it, and the first to have it publishes it. Idle images
 * are kept by digest, so that a warm request resolves and parses nothing; those that a caller opened with credentials of
 * its own are that request's alone.
 * @module
 */

import type { Cache, Fetch, Image, OpenOptions } from "ocipeek";
import { formatWithoutDigests } from "../../../web/formats.ts";
import { repositoryCache } from "../cache/repository.ts";
import { isPlain } from "../config/config.ts";
import type { Ports } from "../ports.ts";
import { callerCredentials } from "../registry/credentials.ts";
import { FairQueue } from "./fair-queue.ts";
import type { RequestScope } from "./request-scope.ts";
import { type ImageName, imageReference } from "./route.ts";
import { Tags } from "./tags.ts";

/** A request's reader of an image, closed when the request ends or gives it up. */
export interface Lease {
  readonly image: Image;
  /** What the reference came to: the digest of the index, or of the image where there is none. */
  readonly digest: string;
}

/** An open image. */
interface Shared {
  /** Repository, digest and platform; empty where only one caller may have it. */
  readonly key: string;
  /** Nothing is read by it: that is what readers are for. */
  readonly image: Image;
  readonly digest: string;
  /** Requests that have a reader of it. */
  readonly users: Set<RequestScope>;
}

/** Where registries list what is attached to an image, which nobody needs for reading it. */
const SEARCH = /^[^?#]*\/(?:referrers\/[^/?#]*|manifests\/sha256-[0-9a-f]{64})(?:\?|$)/;
/** Interval at which those who wait look again, in milliseconds. */
const STEP_MS = 5;
/** So long others wait for an image that is being opened. */
const OPENING_MS = 3000;
/** The line of those who wait for room. */
const ROOM = "";
/** A caller that has taken nothing for so long, in milliseconds, gives way to those who wait for room. */
const STALLED_MS = 1000;

/** The images of an isolate. */
export class Images {
  readonly #ports: Ports;
  readonly #queue: FairQueue;
  /** Shared ones by key; a map keeps the order, the first is the one not taken for longest. */
  readonly #shared = new Map<string, Shared>();
  /** All that requests have, shared or not. */
  readonly #used = new Set<Shared>();
  /** Requests that just open an image: since when, and what was asked for. */
  readonly #openings = new Map<RequestScope, { readonly asked: string; readonly since: number }>();
  /** Digests that tags named lately. */
  readonly tags: Tags;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.tags = new Tags(ports);
    this.#queue = new FairQueue(ports.now);
    ports.onMemoryPressure?.(() => {
      if (!this.#closeOldest()) this.#askStalled();
    });
  }

  /** A reader of the image for a request. */
  async take(scope: RequestScope, name: ImageName, wanted: string | undefined): Promise<Lease> {
    this.#ports.checkAllowed(name.registry, name.repository);
    return scope.authorization ? this.#takeOwn(scope, name, wanted) : this.#takeShared(scope, name, wanted);
  }

  /** A reader of an image for this request alone. */
  async #takeOwn(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Lease> {
    await this.#turn(scope, "", () => undefined);
    return this.#open(scope, name, platform);
  }

  /** A reader of an open image, of one that another request is about to open, or of one that is opened for this one. */
  async #takeShared(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Lease> {
    const asked = `${imageReference(name)} ${platform ?? ""}`;
    let digest = name.digest ?? (await this.tags.find(name));
    const find = (): Lease | undefined => {
      digest ??= this.tags.known(name);
      const shared = digest === undefined ? undefined : this.#find(keyOf(name, digest, platform));
      return shared && this.#lend(shared, scope);
    };
    const found = find() ?? (await this.#turn(scope, asked, find));
    if (found) return found;
    const lease = await this.#open(scope, digest === undefined ? name : { ...name, digest }, platform);
    if (digest === undefined) await this.tags.remember(name, lease.digest);
    return lease;
  }

  /**
   * Waits for what `find` gives, while another request opens what is asked for; else for room for one more image, in the
   * order of those who came. Nothing: the request is to open it itself, at once.
   */
  async #turn(scope: RequestScope, asked: string, find: () => Lease | undefined): Promise<Lease | undefined> {
    try {
      for (let wait = 0; ; wait = STEP_MS) {
        if (this.#isBeingOpened(asked)) this.#queue.leave(ROOM, scope);
        else if (!this.#isFull() && this.#queue.isFirst(ROOM, scope)) {
          // Before anybody else looks.
          this.#openings.set(scope, { asked, since: this.#ports.now() });
          return undefined;
        } else {
          this.#queue.join(ROOM, scope);
          this.#askStalled();
        }
        // A first turn lets those finish who wait for nothing.
        await scope.pause(wait);
        const found = find();
        if (found) return found;
      }
    } finally {
      this.#queue.leave(ROOM, scope);
    }
  }

  /**
   * Gives up what a request has, which did not get the memory that it needs. True where others have images, whose memory
   * may be free soon.
   */
  yield(scope: RequestScope): boolean {
    scope.release();
    this.#askStalled();
    return this.#openings.size + this.#used.size > 0;
  }

  #isFull(): boolean {
    const { maxImagesInUse, maxSecondsToHead } = this.#ports.config.limits;
    const oldest = this.#ports.now() - 1000 * (maxSecondsToHead + 1);
    // The platform may drop a request without a word.
    for (const [scope, { since }] of this.#openings) if (since < oldest) this.#openings.delete(scope);
    return this.#openings.size + this.#used.size >= maxImagesInUse;
  }

  /** Whether another request opens the image, and is to be waited for. */
  #isBeingOpened(asked: string): boolean {
    if (asked === "") return false;
    const oldest = this.#ports.now() - OPENING_MS;
    return [...this.#openings.values()].some((it) => it.asked === asked && it.since > oldest);
  }

  /** Has the request end whose caller has taken nothing of its answer for longest: others want what it has. */
  #askStalled(): void {
    const latest = this.#ports.now() - STALLED_MS;
    let longest: RequestScope | undefined;
    for (const { users } of this.#used) {
      for (const scope of users) {
        const { stalledSince = Number.POSITIVE_INFINITY } = scope;
        if (stalledSince < (longest?.stalledSince ?? latest)) longest = scope;
      }
    }
    // By its own timer: on the edge's platform nobody else may touch its stream.
    if (longest) longest.isToGiveWay = true;
  }

  /** Opens an image, as {@link #turn} said, for all where it may be shared, and gives the request a reader of it. */
  async #open(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Lease> {
    try {
      const shared = await this.#opened(scope, name, platform);
      // What opening did; nothing is read by it.
      scope.untrack(shared.image);
      if (shared.key !== "") this.#publish(shared);
      return this.#lend(shared, scope);
    } finally {
      this.#openings.delete(scope);
    }
  }

  async #opened(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Shared> {
    const { config, open, auth } = this.#ports;
    const own = scope.authorization;
    const shared = this.#ports.cache;
    const cache = shared && repositoryCache(shared, `${name.registry}/${name.repository}`);
    const options: OpenOptions = {
      platform,
      fetch: fetchOf(scope),
      auth: own ? callerCredentials(own) : auth,
      // What only this caller may read must not be found by others.
      cache: own ? readOnly(cache) : cache,
      index: config.index,
      attachedIndex: config.attachedIndex,
      indexAbove: config.libraryLimits.maxWholeLayerSize,
      limits: { ...config.libraryLimits },
      plainHttp: isPlain(config, name.registry),
      defaultPlatform: config.defaultPlatform,
      tokenHosts: [...config.tokenHosts],
      signal: scope.signal,
    };
    const scheme = config.tlsRegistries.includes(name.registry) ? "https://" : "";
    let image = await open(`${scheme}${imageReference(name)}`, options);
    if (config.unverified === "crc" && formatWithoutDigests(image.layers)) {
      const digest = name.digest ?? image.indexDigest ?? image.digest;
      await image.close();
      image = await open(`${scheme}${imageReference({ ...name, digest })}`, { ...options, verify: false });
    }
    const digest = name.digest ?? image.indexDigest ?? image.digest;
    return { key: own ? "" : keyOf(name, digest, platform), image, digest, users: new Set() };
  }

  /** Has others find it. Who opened the same meanwhile was first: that one goes with its last reader. */
  #publish(shared: Shared): void {
    if (!this.#shared.has(shared.key)) this.#shared.set(shared.key, shared);
  }

  /** An open image that can be used. */
  #find(key: string): Shared | undefined {
    const shared = this.#shared.get(key);
    if (!shared) return undefined;
    this.#shared.delete(key);
    // One that was lost with the library's instance is none, nor is one that keeps an old one in memory.
    if (!isOfUse(shared.image)) {
      if (shared.users.size === 0) close(shared.image);
      return undefined;
    }
    // A map keeps the order of insertion.
    this.#shared.set(key, shared);
    return shared;
  }

  #lend(shared: Shared, scope: RequestScope): Lease {
    const image = shared.image.reader({ fetch: fetchOf(scope), signal: scope.signal });
    shared.users.add(scope);
    this.#used.add(shared);
    scope.track(image);
    scope.holds(() => {
      scope.untrack(image);
      close(image);
      shared.users.delete(scope);
      if (shared.users.size === 0) this.#idle(shared);
    });
    return { image, digest: shared.digest };
  }

  /** Nobody uses it any more. */
  #idle(shared: Shared): void {
    this.#used.delete(shared);
    if (this.#shared.get(shared.key) !== shared || !isOfUse(shared.image)) {
      if (this.#shared.get(shared.key) === shared) this.#shared.delete(shared.key);
      close(shared.image);
      return;
    }
    let idle = this.#shared.size - [...this.#shared.values()].filter((it) => it.users.size > 0).length;
    for (; idle > this.#ports.config.limits.maxOpenImages; idle -= 1) this.#closeOldest();
  }

  /** Closes the idle image that was not used for longest, if there is one. */
  #closeOldest(): boolean {
    for (const [key, shared] of this.#shared) {
      if (shared.users.size > 0) continue;
      this.#shared.delete(key);
      close(shared.image);
      return true;
    }
    return false;
  }
}

/** Requests of an image, as this request's. */
function fetchOf(scope: RequestScope): Fetch {
  return (url, init) => (SEARCH.test(url) ? scope.fetchIfAllowed(url, init) : scope.fetch(url, init));
}

/** Without a platform another image may be meant than by the name of the default one: the only one of an index. */
function keyOf(name: ImageName, digest: string, platform = ""): string {
  return `${name.registry}/${name.repository}@${digest} ${platform}`;
}

function isOfUse(image: Image): boolean {
  return image.isOpen && !image.isRetired;
}

function close(image: Image): void {
  void image.close().catch(() => {});
}

function readOnly(cache: Cache | undefined): Cache | undefined {
  if (!cache) return undefined;
  const { getRange } = cache;
  return {
    get: (key) => cache.get(key),
    put: () => {},
    ...(getRange ? { getRange: (key, start, end) => getRange.call(cache, key, start, end) } : {}),
  };
}
