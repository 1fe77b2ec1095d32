/** The `fetch` of a server that stands in a network of its own. @module */

import { lookup } from "node:dns/promises";
import { asIsFetch } from "ocipeek/node";
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import type { Config } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import type { PlatformFetch } from "../registry/guarded-fetch.ts";
import { isPublicAddress } from "../registry/public-host.ts";

/** How requests leave, where it is not by the runtime's own `fetch`. */
export interface Network {
  readonly fetch?: PlatformFetch;
  /** Whether it goes through a proxy. */
  isProxied?(url: URL): boolean;
}

/** Milliseconds for which an answer about a host is taken for granted. */
const KEPT = 10_000;
const MAX_KEPT = 1000;

/**
 * `fetch` for hosts whose every address is a public one, and for the registries that the configuration lists as
 * insecure. A public name may lead into the network that the server is in; on the edge's platform there is none.
 *
 * The runtime looks the host up again when it connects, and whoever rules its name may then answer otherwise: a server
 * whose neighbours trust it belongs behind a firewall too.
 */
export function publicFetch(
  config: Pick<Config, "insecureRegistries">,
  resolve: (host: string) => Promise<string[]> = addressesOf,
  network: Network = {},
): PlatformFetch {
  const origins = (name: string) => ["http", "https"].map((scheme) => new URL(`${scheme}://${name}`).origin);
  const own = new Set(config.insecureRegistries.flatMap(origins));
  const kept = new BoundedMap<string, { isPublic: Promise<boolean>; until: number }>(MAX_KEPT);
  const isPublic = (host: string): Promise<boolean> => {
    const now = Date.now();
    const known = kept.get(host);
    if (known && known.until > now) return known.isPublic;
    const asked = resolve(host).then((addresses) => addresses.length > 0 && addresses.every(isPublicAddress));
    kept.set(host, { isPublic: asked, until: now + KEPT });
    asked.catch(() => kept.delete(host));
    return asked;
  };
  return async (url, init) => {
    const { origin, hostname } = new URL(url);
    // A proxy looks the name up itself, and is to guard its network: perhaps no name can be looked up here.
    const isProxied = network.isProxied?.(new URL(url)) === true;
    if (!own.has(origin) && !isProxied) {
      const isAllowed = await isPublic(hostname).catch((cause: unknown) => {
        // Not asked all the same: that the next look-up finds something says nothing of where it leads.
        throw new TypeError(`${hostname} cannot be looked up`, { cause });
      });
      if (!isAllowed)
        throw new HttpError("HOST_NOT_ALLOWED", `${hostname} has an address that is not public`);
    }
    return (network.fetch ?? (asIsFetch as unknown as PlatformFetch))(url, init);
  };
}

async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
