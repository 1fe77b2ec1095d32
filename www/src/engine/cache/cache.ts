import { BoundedMemory, type EngineCache } from "./memory.ts";
import { StoredCache } from "./stored.ts";

/** Most that it keeps. */
const MAX_BYTES = 512 << 20;
/** Of what the browser grants to this origin, the cache takes this share at most. */
const QUOTA_SHARE = 0.5;
const NAME = "ocipeek";

/** The best that the platform has; chosen at the first use. */
export class LocalCache implements EngineCache {
  #chosen: Promise<EngineCache> | undefined;

  readonly get = async (key: string) => (await this.#choose()).get(key);
  readonly put = async (key: string, value: Uint8Array) => (await this.#choose()).put(key, value);
  readonly state = async () => (await this.#choose()).state();
  readonly clear = async () => (await this.#choose()).clear();

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
