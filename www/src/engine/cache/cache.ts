/**
 * The local cache: verified bytes by their digests (manifests, zTOCs, spans, whole layers) in the Cache API, bounded, the
 * least recently used going first; in memory where there is no Cache API. What comes out is verified again.
 * @module
 */
import type { Cache as ByteCache } from "ocipeek";
import type { CacheState } from "../../protocol/api.ts";
import type { RouteStore } from "../registry/routes.ts";
import { StoredCache } from "./stored.ts";

/** Most that it keeps. */
const MAX_BYTES = 512 << 20;
/** Of what the browser grants to this origin, the cache takes this share at most. */
const QUOTA_SHARE = 0.5;
/** What is in memory is kept so far. */
const MAX_MEMORY_BYTES = 64 << 20;
const NAME = "ocipeek";
const SETTINGS = "ocipeek-settings";
const ROUTES = "https://cache.ocipeek.invalid/routes";

/** A cache that can be looked at and cleared. */
export interface EngineCache extends ByteCache {
  state(): Promise<CacheState>;
  clear(): Promise<void>;
}

/** In memory, the least recently used going first. */
export class BoundedMemory implements EngineCache {
  readonly #entries = new Map<string, Uint8Array>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = MAX_MEMORY_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#entries.get(key);
    if (!value) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  put(key: string, value: Uint8Array): void {
    this.#drop(key);
    if (value.length > this.#maxBytes / 2) return;
    this.#entries.set(key, value);
    this.#bytes += value.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  async state(): Promise<CacheState> {
    return { kind: "memory", entries: this.#entries.size, bytes: this.#bytes, maxBytes: this.#maxBytes };
  }

  async clear(): Promise<void> {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.length ?? 0;
    this.#entries.delete(key);
  }
}

/** The best that the platform has; chosen at the first use. */
export class LocalCache implements EngineCache {
  #chosen: Promise<EngineCache> | undefined;

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.#choose()).get(key);
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await (await this.#choose()).put(key, value);
  }

  async state(): Promise<CacheState> {
    return (await this.#choose()).state();
  }

  async clear(): Promise<void> {
    await (await this.#choose()).clear();
  }

  #choose(): Promise<EngineCache> {
    this.#chosen ??= open();
    return this.#chosen;
  }
}

/** Only secure contexts have the Cache API, and private windows may refuse it. */
async function open(): Promise<EngineCache> {
  try {
    const { quota = Number.POSITIVE_INFINITY } = (await navigator.storage?.estimate?.()) ?? {};
    const maxBytes = Math.min(MAX_BYTES, Math.floor(quota * QUOTA_SHARE));
    return new StoredCache(await caches.open(NAME), maxBytes);
  } catch {
    return new BoundedMemory();
  }
}

/** Keeps what is known of routes in the Cache API. */
export const routeStore: RouteStore = {
  load: async () => {
    const found = await (await caches.open(SETTINGS)).match(ROUTES);
    const entries: unknown = await found?.json();
    const valid = Object.entries(Object(entries)).filter(([, at]) => typeof at === "number");
    return Object.fromEntries(valid) as Record<string, number>;
  },
  save: async (entries) => {
    await (await caches.open(SETTINGS)).put(ROUTES, new Response(JSON.stringify(entries)));
  },
};
