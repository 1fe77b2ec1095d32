import { BoundedMap } from "./common/bounded-map.js";
import { invalid } from "./errors.js";
import type { Cache } from "./types/index.js";

/**
 * A cache in memory: the bytes used last, up to a size.
 *
 * @example
 * ```js
 * import { MemoryCache, open } from "ocipeek";
 *
 * const cache = new MemoryCache({ maxBytes: 16 << 20 });
 * for (const path of ["/etc/services", "/etc/os-release"]) {
 *   const image = await open("ghcr.io/owner/app:1", { cache });
 *   await image.readFile(path);
 *   await image.close();
 * }
 * console.log(cache.bytes > 0); // true
 * ```
 */
export class MemoryCache implements Cache {
  readonly #entries: BoundedMap<string, Uint8Array>;
  readonly #maxBytes: number;

  /** Keeps `maxBytes`, 64 MiB by default. */
  constructor(options: { maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? 64 << 20;
    if (!(this.#maxBytes >= 0)) throw invalid("maxBytes must be a number that is not negative");
    this.#entries = new BoundedMap(this.#maxBytes, (value) => value.byteLength);
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#entries.weight;
  }

  get(key: string): Uint8Array | undefined {
    return this.#entries.use(key);
  }

  getRange(key: string, start: number, end: number): Uint8Array | undefined {
    return this.get(key)?.subarray(start, end);
  }

  put(key: string, value: Uint8Array): void {
    if (value.byteLength > this.#maxBytes) this.#entries.delete(key);
    else this.#entries.set(key, value);
  }
}

/** Part of the Cache API that is used, in browsers and at the edge. */
export interface WebCache {
  match(url: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | undefined>;
  put(url: string, response: Response): Promise<void>;
}

/**
 * A cache over the platform's Cache API.
 *
 * @example
 * ```js
 * import { CacheApiCache, open } from "ocipeek";
 *
 * const cache = new CacheApiCache("images"); // on an edge: new CacheApiCache(caches.default)
 * const image = await open("ghcr.io/owner/app:1", { cache });
 * console.log(await image.exists("/etc/services")); // true
 * ```
 */
export class CacheApiCache implements Cache {
  readonly #cache: () => Promise<WebCache>;
  readonly #base: string;

  /**
   * Over a cache of this name, or over one that you opened (such as `caches.default` at the edge). Keys become
   * URLs below `base`, which nothing ever fetches.
   */
  constructor(cache: string | WebCache = "ocipeek", options: { base?: string } = {}) {
    let opened: Promise<WebCache> | undefined;
    this.#cache = () => {
      opened ??= typeof cache === "string" ? openWebCache(cache) : Promise.resolve(cache);
      return opened;
    };
    this.#base = options.base ?? "https://cache.ocipeek.invalid/";
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const hit = await (await this.#cache()).match(this.#url(key));
    return hit && new Uint8Array(await hit.arrayBuffer());
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const headers = {
      // Content has the name of its digest: it never changes. At the edge nothing is kept without this.
      "cache-control": "public, max-age=31536000, immutable",
      "content-type": "application/octet-stream",
    };
    const body = value as Uint8Array<ArrayBuffer>;
    await (await this.#cache()).put(this.#url(key), new Response(body, { headers }));
  }

  #url(key: string): string {
    return this.#base + encodeURIComponent(key);
  }
}

async function openWebCache(name: string): Promise<WebCache> {
  const { caches } = globalThis as { caches?: { open(name: string): Promise<WebCache> } };
  if (!caches) throw invalid("this platform has no Cache API");
  return caches.open(name);
}
