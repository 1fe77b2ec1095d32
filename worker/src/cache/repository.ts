/** Cache of one repository's content, apart from that of others. @module */

import type { Cache } from "ocipeek";
import { sha256 } from "../../../js/common/hex.ts";
import { isContent } from "./tier.ts";

/**
 * The part of the shared cache that is a repository's own.
 *
 * A cache by digest alone would give whatever a digest names to whoever names it: the manifest under another repository's
 * URL, and what an index, a manifest or a zTOC of an open repository lists of a private one's (manifests, configurations,
 * layers, zTOCs, spans). So each thing is kept under its repository and its digest, and comes out only where that
 * repository has given it. What two of them share is then fetched and kept once for each.
 */
export function repositoryCache(shared: Cache, repository: string): Cache {
  const { getRange } = shared;
  // What is not named by a digest is none of the library's content.
  const under = async <T>(key: string, ask: (own: string) => T): Promise<Awaited<T> | undefined> =>
    isContent(key) ? await ask(await ownKey(repository, key)) : undefined;
  return {
    get: (key) => under(key, (own) => shared.get(own)),
    put: (key, value) => under(key, (own) => shared.put(own, value)) as Promise<void>,
    ...(getRange
      ? { getRange: (key, start, end) => under(key, (own) => getRange.call(shared, own, start, end)) }
      : {}),
  };
}

/** Of content too, which is kept for ever. One length, whatever both parts are: no two pairs have the same. */
async function ownKey(repository: string, key: string): Promise<string> {
  const text = new TextEncoder().encode(`${repository}\n${key}`);
  return `repository-v1:sha256:${await sha256(text)}`;
}
