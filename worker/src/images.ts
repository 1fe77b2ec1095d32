/**
 * Open images, kept between requests.
 *
 * One image serves one request at a time: on the edge's platform an answer that came for one request must not be
 * waited for by another, and what a request costs is then the difference of the image's counters. Idle images are
 * kept by digest, so that a warm request resolves and parses nothing; those that a caller opened with credentials of
 * its own never are.
 * @module
 */
import type { Cache, Credentials, Fetch, Image } from "ocipeek";
import type { Deps } from "./deps.ts";
import { HttpError } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { type ImageName, imageReference } from "./route.ts";

/** An image while a request has it. It goes back when the request ends. */
export interface Lease {
  readonly image: Image;
  /** What the reference came to: the digest of the index, or of the image where there is none. */
  readonly digest: string;
  /** The platform that was asked for. */
  readonly platform: string;
}

/** An open image and the request that it works for. */
interface Slot {
  readonly key: string;
  readonly image: Image;
  readonly digest: string;
  user: Exchange | undefined;
}

const MAX_TAGS = 1000;

/** The images of an isolate. */
export class Images {
  readonly #deps: Deps;
  /** Idle ones; a map keeps the order, the first is the one not used for longest. */
  readonly #idle = new Map<string, Slot[]>();
  readonly #tags = new Map<string, { digest: string; until: number }>();
  #count = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The image for a request. */
  async take(exchange: Exchange, name: ImageName, wanted: string | undefined): Promise<Lease> {
    const { config, checkAllowed } = this.#deps;
    checkAllowed(name.registry, name.repository);
    const platform = wanted ?? config.defaultPlatform;
    const slot = await this.#slot(exchange, name, platform);
    exchange.onEnd(() => this.#giveBack(slot, exchange));
    return { image: slot.image, digest: slot.digest, platform };
  }

  async #slot(exchange: Exchange, name: ImageName, platform: string): Promise<Slot> {
    if (exchange.authorization) return this.#open(exchange, name, platform);
    const digest = name.digest ?? (await this.#digestOf(name));
    if (!digest) {
      const slot = await this.#open(exchange, name, platform);
      await this.#remember(name, slot.digest);
      return slot;
    }
    const pinned = { ...name, tag: undefined, digest };
    const slot = this.#takeIdle(keyOf(pinned, digest, platform));
    if (!slot) return this.#open(exchange, pinned, platform);
    slot.user = exchange;
    exchange.track(slot.image);
    return slot;
  }

  async #open(exchange: Exchange, name: ImageName, platform: string): Promise<Slot> {
    const { config, open, auth, cache } = this.#deps;
    const own = exchange.authorization;
    let slot: Slot | undefined;
    // While it is being opened it is this request's; later that of whoever has it.
    const fetch: Fetch = (url, init) => {
      const user = slot ? slot.user : exchange;
      if (!user) throw new HttpError("ABORTED", "nobody asks for this any more");
      return user.fetch(url, init);
    };
    const image = await open(imageReference(name), {
      platform,
      fetch,
      auth: own ? decodeBasic(own) : auth,
      // What only this caller may read must not be found by others.
      cache: own ? readOnly(cache) : cache,
      limits: { ...config.libraryLimits },
      plainHttp: config.insecureRegistries.includes(name.registry),
      tokenHosts: [...config.tokenHosts],
      signal: exchange.signal,
    });
    const digest = name.digest ?? image.indexDigest ?? image.digest;
    slot = { key: own ? "" : keyOf(name, digest, platform), image, digest, user: exchange };
    exchange.trackNew(image);
    return slot;
  }

  #takeIdle(key: string): Slot | undefined {
    const slots = this.#idle.get(key);
    const slot = slots?.pop();
    if (slots?.length === 0) this.#idle.delete(key);
    if (slot) this.#count -= 1;
    return slot;
  }

  #giveBack(slot: Slot, exchange: Exchange): void {
    slot.user = undefined;
    // What was stopped in the middle of something is not used again.
    if (slot.key === "" || exchange.stopped) {
      close(slot);
      return;
    }
    const slots = this.#idle.get(slot.key) ?? [];
    this.#idle.delete(slot.key);
    this.#idle.set(slot.key, [...slots, slot]);
    this.#count += 1;
    while (this.#count > this.#deps.config.limits.maxOpenImages) {
      const [oldest] = this.#idle.keys();
      const old = oldest === undefined ? undefined : this.#takeIdle(oldest);
      if (!old) break;
      close(old);
    }
  }

  /** What a tag named lately: in this isolate, or in one that shares its cache. */
  async #digestOf(name: ImageName): Promise<string | undefined> {
    const key = tagKey(name);
    const now = this.#deps.now();
    const known = this.#tags.get(key);
    if (known && known.until > now) return known.digest;
    const found = await this.#cachedTag(key).catch(() => undefined);
    if (!found || found.until <= now || found.until > now + this.#deps.config.tagTtl * 1000) return undefined;
    this.#set(key, found);
    return found.digest;
  }

  async #cachedTag(key: string): Promise<{ digest: string; until: number } | undefined> {
    const bytes = await this.#deps.cache?.get(key);
    if (!bytes) return undefined;
    const { digest, until } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const good = typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest);
    return good && typeof until === "number" ? { digest, until } : undefined;
  }

  async #remember(name: ImageName, digest: string): Promise<void> {
    const ttl = this.#deps.config.tagTtl;
    if (ttl === 0) return;
    const entry = { digest, until: this.#deps.now() + ttl * 1000 };
    this.#set(tagKey(name), entry);
    try {
      await this.#deps.cache?.put(tagKey(name), new TextEncoder().encode(JSON.stringify(entry)));
    } catch {
      // A cache that keeps nothing costs a request later.
    }
  }

  #set(key: string, entry: { digest: string; until: number }): void {
    this.#tags.delete(key);
    this.#tags.set(key, entry);
    if (this.#tags.size <= MAX_TAGS) return;
    const [oldest] = this.#tags.keys();
    if (oldest !== undefined) this.#tags.delete(oldest);
  }
}

function keyOf(name: ImageName, digest: string, platform: string): string {
  return `${name.registry}/${name.repository}@${digest} ${platform}`;
}

function tagKey({ registry, repository, tag }: ImageName): string {
  return `tag-v1:${registry}/${repository}:${tag}`;
}

function close(slot: Slot): void {
  void slot.image.close().catch(() => {});
}

function readOnly(cache: Cache | undefined): Cache | undefined {
  return cache && { get: (key) => cache.get(key), put: () => {} };
}

function decodeBasic(authorization: string): Credentials {
  const encoded = authorization.replace(/^Basic +/i, "");
  let text: string;
  try {
    text = new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
  } catch {
    throw new HttpError("INVALID_ARGUMENT", "the Authorization header is not Basic credentials");
  }
  const colon = text.indexOf(":");
  if (colon < 0) throw new HttpError("INVALID_ARGUMENT", "the Authorization header has no password");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
