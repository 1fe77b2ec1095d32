/** A folder as a tier, for servers that have one. @module */
import { DirectoryCache } from "ocipeek/node";
import { isContent, type Tier } from "../cache/tier.ts";

/** Keeps content as files, the last used ones up to a size. */
export class FolderTier implements Tier {
  readonly isMemory = false;
  readonly #cache: DirectoryCache;

  /** Keeps `maxBytes` in `folder`, a new or empty one, or one that was made so. */
  constructor(folder: string, maxBytes?: number) {
    this.#cache = new DirectoryCache(folder, maxBytes === undefined ? {} : { maxBytes });
  }

  /** Looks whether the folder may be used; throws where it holds other things. */
  check(): Promise<void> {
    return this.#cache.check();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const name = nameOf(key);
    return name === undefined ? undefined : this.#cache.get(name);
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    const name = nameOf(key);
    return name === undefined ? undefined : this.#cache.getRange(name, start, end);
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const name = nameOf(key);
    if (name !== undefined) await this.#cache.put(name, value);
  }
}

/**
 * The key as the folder takes it: digests and packed zTOCs are as they are, for the command to find them too; of the
 * worker's own keys `x-v1:sha256:…` becomes `xv1:…`. What may change has none.
 */
function nameOf(key: string): string | undefined {
  if (!isContent(key)) return undefined;
  const own = /^([a-z]+)-(v\d+):sha256:(.*)$/.exec(key);
  return own && own[1] !== "pack" ? `${own[1]}${own[2]}:${own[3]}` : key;
}
