/** The cache that the configuration describes. @module */
import type { Cache } from "ocipeek";
import { BINDINGS, type Config, type Env } from "../config/config.ts";
import { CacheApiTier, type EdgeCache } from "./cache-api.ts";
import { MemoryTier } from "./memory.ts";
import { isBucket, R2Tier } from "./r2.ts";
import type { Tier } from "./tier.ts";
import { TieredCache, type TieredOptions } from "./tiered.ts";

/** What the platform has for caching besides memory. */
export interface CachePlatform extends TieredOptions {
  /**
   * Host of the worker, for the URLs of the Cache API's keys: the platform looks up hosts that are not its own.
   */
  readonly host: string;
  /** A tier between memory and the rest, such as a folder. */
  readonly folder?: Tier | undefined;
}

/**
 * Memory, a folder, the Cache API, R2: those that there are, in this order; `undefined` where there is none. Its
 * owner's alone: nothing that a caller's own credentials opened may be put into it.
 */
export function createCache(config: Config, env: Env, platform: CachePlatform): Cache | undefined {
  const { memoryBytes, cacheApi, generation } = config.cache;
  const tiers: Tier[] = [];
  if (memoryBytes > 0) tiers.push(new MemoryTier(memoryBytes));
  if (platform.folder) tiers.push(platform.folder);
  const edge = cacheApi ? edgeCache() : undefined;
  if (edge) {
    const base = `https://${platform.host}/-/cache/${generation}/`;
    tiers.push(new CacheApiTier(edge, { base, ttl: config.tagTtl }));
  }
  const bucket = env[BINDINGS.bucket];
  if (isBucket(bucket)) tiers.push(new R2Tier(bucket, `${generation}/`));
  return tiers.length > 0
    ? new TieredCache(tiers, { ...platform, maxCacheMs: config.limits.maxCacheMs })
    : undefined;
}

/** A cache of our own: what `fetch` keeps in the default one is none of our business. */
function edgeCache(): (() => Promise<EdgeCache>) | undefined {
  // Node has none; those of Deno and Bun would keep everything for ever, and `serve` has a folder for that.
  const { caches, navigator } = globalThis as {
    caches?: { open(name: string): Promise<EdgeCache> };
    navigator?: { userAgent?: string };
  };
  if (!caches || navigator?.userAgent !== "Cloudflare-Workers") return undefined;
  return () => caches.open("ocipeek");
}
