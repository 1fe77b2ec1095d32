/**
 * Open images, kept between requests.
 *
 * One image serves one request at a time: on the edge's platform an answer that came for one request must not be
 * waited for by another, and what a request costs is then the difference of the image's counters. Idle images are
 * kept by digest, so that a warm request resolves and parses nothing; those that a caller opened with credentials of
 * its own never are.
 * @module
 */

import type { Cache, Fetch, Image, OpenOptions } from "ocipeek";
import { formatWithoutDigests } from "../../../web/formats.ts";
import { repositoryCache } from "../cache/repository.ts";
import { isPlain } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import { callerCredentials } from "../registry/credentials.ts";
import { FairQueue } from "./fair-queue.ts";

import type { RequestScope } from "./request-scope.ts";
import { type ImageName, imageReference } from "./route.ts";
import { Tags } from "./tags.ts";

/** An image while a request has it. It goes back when the request ends. */
export interface Lease {
  readonly image: Image;
  /** What the reference came to: the digest of the index, or of the image where there is none. */
  readonly digest: string;
}

/** An open image. */
interface Slot {
  /** Repository, digest and platform; empty where only one caller may have it. */
  readonly key: string;
  readonly image: Image;
  readonly digest: string;
}

/** Where registries list what is attached to an image, which nobody needs for reading it. */
const SEARCH = /^[^?#]*\/(?:referrers\/[^/?#]*|manifests\/sha256-[0-9a-f]{64})(?:\?|$)/;
/** Interval at which those who wait look again, in milliseconds. */
const STEP_MS = 5;
/** So long others wait for an image that is being opened. */
const OPENING_MS = 3000;
/** So long they wait for each one that is at work. */
const WORKING_MS = 25;

/** The images of an isolate. */
export class Images {
  readonly #ports: Ports;
  readonly #tags: Tags;
  readonly #queue: FairQueue;
  /** Idle ones by key; a map keeps the order, the first is the one not used for longest. */
  readonly #idle = new Map<string, Slot[]>();
  #idleCount = 0;
  /** Those that requests have. */
  readonly #users = new Map<Slot, RequestScope>();
  /** How often an image is just being opened, by what was asked for. */
  readonly #opening = new Map<string, number>();
  #openingCount = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#tags = new Tags(ports);
    this.#queue = new FairQueue(ports.now);
    ports.onMemoryPressure?.(() => this.#closeOldest());
  }

  /** The image for a request. */
  async take(scope: RequestScope, name: ImageName, wanted: string | undefined): Promise<Lease> {
    this.#ports.checkAllowed(name.registry, name.repository);
    const slot = scope.authorization
      ? await this.#ownSlot(scope, name, wanted)
      : await this.#sharedSlot(scope, name, wanted);
    return { image: slot.image, digest: slot.digest };
  }

  /** An image for this request alone. */
  async #ownSlot(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Slot> {
    while (this.#isFull()) await pause(scope, STEP_MS);
    return this.#open(scope, name, platform, "");
  }

  /** An idle image, or one that others give back soon, or one more. */
  async #sharedSlot(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Slot> {
    const asked = `${imageReference(name)} ${platform ?? ""}`;
    let digest = name.digest ?? (await this.#tags.find(name));
    try {
      for (let waited = 0; ; waited += STEP_MS) {
        const key = digest === undefined ? "" : keyOf(name, digest, platform);
        const slot = this.#queue.isFirst(asked, scope) ? this.#takeIdle(key) : undefined;
        if (slot) {
          this.#use(slot, scope);
          scope.track(slot.image);
          return slot;
        }
        if (!this.#isWorthWaiting(asked, key, waited)) break;
        this.#queue.join(asked, scope);
        // A first turn lets those finish who wait for nothing.
        await pause(scope, waited === 0 ? 0 : STEP_MS);
        digest ??= this.#tags.known(name);
      }
    } finally {
      this.#queue.leave(asked, scope);
    }
    if (digest !== undefined) return this.#open(scope, { ...name, digest }, platform, asked);
    const slot = await this.#open(scope, name, platform, asked);
    await this.#tags.remember(name, slot.digest);
    return slot;
  }

  /**
   * Gives up what a request has, which did not get the memory that it needs. True where others have images, whose memory
   * may be free soon.
   */
  yield(scope: RequestScope): boolean {
    for (const [slot, user] of this.#users) {
      if (user !== scope) continue;
      this.#users.delete(slot);
      close(slot);
    }
    return this.#openingCount + this.#users.size > 0;
  }

  #isFull(): boolean {
    return this.#openingCount + this.#users.size >= this.#ports.config.limits.maxImagesInUse;
  }

  /**
   * Whether to wait rather than to open an image once more: while there is room for no more, while it is being
   * opened, and for a little while those who have it are still to answer. Those who send already may take long.
   */
  #isWorthWaiting(asked: string, key: string, waited: number): boolean {
    if (this.#isFull()) return true;
    // Others are to have it first.
    if (this.#idle.has(key)) return true;
    if (this.#opening.has(asked)) return waited < OPENING_MS;
    let working = 0;
    for (const [slot, user] of this.#users) if (slot.key === key && !user.isAnswered) working += 1;
    return waited < working * WORKING_MS;
  }

  /** Opens an image and gives it to the request. */
  async #open(
    scope: RequestScope,
    name: ImageName,
    platform: string | undefined,
    asked: string,
  ): Promise<Slot> {
    this.#openingCount += 1;
    this.#opening.set(asked, (this.#opening.get(asked) ?? 0) + 1);
    try {
      const slot = await this.#opened(scope, name, platform);
      this.#use(slot, scope);
      scope.trackNew(slot.image);
      return slot;
    } finally {
      this.#openingCount -= 1;
      const left = (this.#opening.get(asked) ?? 1) - 1;
      if (left > 0) this.#opening.set(asked, left);
      else this.#opening.delete(asked);
    }
  }

  async #opened(scope: RequestScope, name: ImageName, platform: string | undefined): Promise<Slot> {
    const { config, open, auth } = this.#ports;
    const own = scope.authorization;
    const shared = this.#ports.cache;
    const cache = shared && repositoryCache(shared, `${name.registry}/${name.repository}`);
    let slot: Slot | undefined;
    // While it is being opened it is this request's; later that of whoever has it.
    const fetch: Fetch = (url, init) => {
      const user = slot ? this.#users.get(slot) : scope;
      if (!user) throw new HttpError("ABORTED", "nobody asks for this any more");
      return SEARCH.test(url) ? user.fetchIfAllowed(url, init) : user.fetch(url, init);
    };
    const options: OpenOptions = {
      platform,
      fetch,
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
    slot = { key: own ? "" : keyOf(name, digest, platform), image, digest };
    return slot;
  }

  #use(slot: Slot, scope: RequestScope): void {
    this.#users.set(slot, scope);
    scope.onEnd(() => this.#giveBack(slot, scope));
  }

  /** An idle image that can be used. */
  #takeIdle(key: string): Slot | undefined {
    for (;;) {
      const slot = this.#popIdle(key);
      // One that was lost with the library's instance is none, nor is one that keeps an old one in memory.
      if (!slot || isOfUse(slot.image)) return slot;
      close(slot);
    }
  }

  #popIdle(key: string): Slot | undefined {
    const slots = this.#idle.get(key);
    const slot = slots?.pop();
    if (slots?.length === 0) this.#idle.delete(key);
    if (slot) this.#idleCount -= 1;
    return slot;
  }

  #giveBack(slot: Slot, scope: RequestScope): void {
    this.#users.delete(slot);
    // What was stopped in the middle of something is not used again.
    if (slot.key === "" || !scope.isQuiet || !isOfUse(slot.image)) {
      close(slot);
      return;
    }
    const slots = this.#idle.get(slot.key) ?? [];
    this.#idle.delete(slot.key);
    this.#idle.set(slot.key, [...slots, slot]);
    this.#idleCount += 1;
    while (this.#idleCount > this.#ports.config.limits.maxOpenImages) {
      if (!this.#closeOldest()) break;
    }
  }

  /** Closes the idle image that was not used for longest, if there is one. */
  #closeOldest(): boolean {
    const [oldest] = this.#idle.keys();
    const old = oldest === undefined ? undefined : this.#popIdle(oldest);
    if (old) close(old);
    return old !== undefined;
  }
}

/** Waits a moment, by a timer of the request's own: on the edge's platform nothing else may be waited for. */
async function pause(scope: RequestScope, ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  scope.signal.throwIfAborted();
}

/** Without a platform another image may be meant than by the name of the default one: the only one of an index. */
function keyOf(name: ImageName, digest: string, platform = ""): string {
  return `${name.registry}/${name.repository}@${digest} ${platform}`;
}

function isOfUse(image: Image): boolean {
  return image.isOpen && !image.isRetired;
}

function close(slot: Slot): void {
  void slot.image.close().catch(() => {});
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
