/** A folder as a tier, for servers that have one. @module */
import { DirectoryCache } from "ocipeek/node";
import { isContent, type Tier } from "./cache/tier.ts";

/** Keeps content as files, the last used ones up to a size. */
export class FolderTier implements Tier {
  readonly isMemory = false;
  readonly #cache: DirectoryCache;

  /** Keeps `maxBytes` in `folder`, which is made when it is needed. */
  constructor(folder: string, maxBytes?: number) {
    this.#cache = new DirectoryCache(folder, maxBytes === undefined ? {} : { maxBytes });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return isContent(key) ? this.#cache.get(key) : undefined;
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    return isContent(key) ? this.#cache.getRange(key, start, end) : undefined;
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    if (isContent(key)) await this.#cache.put(key, value);
  }
}
