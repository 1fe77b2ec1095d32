/** Which repositories are known to hold which digests. @module */
import type { Cache } from "ocipeek";
import type { Deps } from "./deps.ts";

/** Digests remembered in this isolate. */
const MAX_KNOWN = 1000;
const YES = Uint8Array.of(1);

/**
 * A cache by digest would give an image under the name of any repository, whether it holds it or not, and so to those
 * who may read the one and not the other. So the manifest that a URL names by its digest comes out of the cache only
 * where the repository has once given it; all below it is named by it.
 */
export class Holdings {
  readonly #deps: Deps;
  readonly #known = new Set<string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The shared cache, without the manifest of `digest` where it is not known to be in `repository`. */
  async cacheFor(repository: string, digest: string): Promise<Cache | undefined> {
    const { cache } = this.#deps;
    if (!cache || (await this.#has(repository, digest))) return cache;
    const { getRange } = cache;
    return {
      get: (key) => (key === digest ? undefined : cache.get(key)),
      put: (key, value) => cache.put(key, value),
      ...(getRange
        ? {
            getRange: (key, start, end) =>
              key === digest ? undefined : getRange.call(cache, key, start, end),
          }
        : {}),
    };
  }

  /** The repository has given the manifest, to an anonymous caller or to the operator. */
  async confirm(repository: string, digest: string): Promise<void> {
    const name = `${repository}@${digest}`;
    if (this.#known.has(name)) return;
    this.#remember(name);
    try {
      await this.#deps.cache?.put(await keyOf(name), YES);
    } catch {
      // Another isolate will ask the registry.
    }
  }

  async #has(repository: string, digest: string): Promise<boolean> {
    const name = `${repository}@${digest}`;
    if (this.#known.has(name)) return true;
    try {
      if ((await this.#deps.cache?.get(await keyOf(name))) === undefined) return false;
    } catch {
      return false;
    }
    this.#remember(name);
    return true;
  }

  #remember(name: string): void {
    this.#known.add(name);
    if (this.#known.size <= MAX_KNOWN) return;
    const [oldest] = this.#known;
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** A key as that of content, which is kept for ever: it says something that does not change. */
async function keyOf(name: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name)));
  return `holds-v1:sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
