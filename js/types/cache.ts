/** Caches of verified bytes. @module */

/**
 * A cache of verified bytes. What it gives back under a digest (`sha256:…`) is verified again. With `getRange` it is
 * also given packed zTOCs (`pack-v1:sha256:…`), of which one read takes a few kilobytes. Indexes that were built here are
 * kept by the digest of their layer (`index-v1:sha256:…`). Both carry checksums against damage, but no digest vouches for
 * them: only its owner may be able to write to a cache that has `getRange`, or is used with {@link OpenOptions.index}.
 *
 * What has no answer after the limit `maxCacheMs` (3,000; 0 waits for ever) counts as nothing, too; a cache for which that
 * is so twice in a row is not asked any more by that image.
 */
export interface Cache {
  /** The bytes of `key`, or nothing. What it throws counts as nothing. */
  get(key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Keeps the bytes of `key`. What it throws is ignored. */
  put(key: string, value: Uint8Array): Promise<void> | void;
  /**
   * Bytes `start` to `end` (not included) of the value of `key`: fewer where the value ends before, nothing where
   * there is none. Leave it out where it would have to load all of the value. What it throws counts as nothing.
   */
  getRange?(
    key: string,
    start: number,
    end: number,
  ): Promise<Uint8Array | undefined> | Uint8Array | undefined;
}
