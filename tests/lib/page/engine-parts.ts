// The engine in Node over the demo image: a registry on loopback, the browser's rules and the page's host as functions.

import { BoundedMemory, type EngineCache } from "../../../www/src/engine/cache/memory.ts";
import { createEngine } from "../../../www/src/engine/engine.ts";
import type { EngineApi } from "../../../www/src/protocol/api.ts";
import type { CallContext, Served } from "../../../www/src/protocol/rpc.ts";

/** Where the page is; its proxy is below `-/v2/`. */
export const BASE = "https://page.test/";

/** A call that nobody stops. */
export function call(signal: AbortSignal = new AbortController().signal): CallContext {
  return { signal, progress: () => {}, transfer: () => {} };
}

/** What a test says about the network. */
export interface Network {
  /** The registry on loopback. */
  registry: string;
  /** Whether a page may read what the registry itself answers: all, nothing, or all but blobs. */
  cors?: "all" | "none" | "no-blobs";
  /** The registry has no connection at all. */
  down?: boolean;
  /** Answers in place of the registry; what it throws, a page sees as a network error. */
  direct?: (request: Request) => Response | undefined;
  /** Answers in place of the proxy. */
  proxy?: (request: Request) => Response | undefined;
  online?: boolean;
}

/** One request that left the page: `direct GET /v2/…`, `proxy GET /-/v2/…`, with what credentials. */
export interface Sent {
  way: "direct" | "proxy" | "probe";
  path: string;
  range: string | null;
  authorization: string | null;
}

/** An engine on such a network. */
export function engineOn(
  network: Network,
  options: { cache?: EngineCache; routes?: Record<string, number> } = {},
): { engine: Served<EngineApi>; sent: Sent[] } {
  const sent: Sent[] = [];
  const stored = options.routes;
  const fetchLike = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input));
    const request = new Request(url, init as RequestInit);
    const isProxy = url.href.startsWith(BASE);
    const way = isProxy ? "proxy" : init.mode === "no-cors" ? "probe" : "direct";
    const { headers } = request;
    sent.push({
      way,
      path: url.pathname,
      range: headers.get("range"),
      authorization: headers.get("authorization"),
    });
    if (network.online === false) throw new TypeError("Failed to fetch");
    if (isProxy) {
      const own = network.proxy?.(request);
      if (own) return own;
      const prefix = `/-/v2/${network.registry}/`;
      if (!url.pathname.startsWith(prefix)) return new Response("", { status: 404 });
      const target = `http://${network.registry}/v2/${url.pathname.slice(prefix.length)}${url.search}`;
      const passed = new Headers(headers);
      passed.delete("authorization");
      return fetch(target, { headers: passed });
    }
    if (network.down) throw new TypeError("Failed to fetch");
    const { cors = "all" } = network;
    const isBlob = url.pathname.includes("/blobs/");
    if (way === "probe") return new Response(null);
    const other = network.direct?.(request);
    if (other) return other;
    if (cors === "none" || (cors === "no-blobs" && isBlob)) throw new TypeError("Failed to fetch");
    return fetch(url, init);
  };
  const engine = createEngine(
    {
      fetch: fetchLike as typeof fetch,
      online: () => network.online !== false,
      ...(stored
        ? {
            routes: {
              load: async () => ({ ...stored }),
              save: async (entries: Record<string, number>) => {
                for (const key of Object.keys(stored)) delete stored[key];
                Object.assign(stored, entries);
              },
            },
          }
        : {}),
    },
    options.cache ?? new BoundedMemory(),
  );
  return { engine, sent };
}

/** What a deployment with a proxy says. */
export const SITE = { proxy: true, registries: [], passAuthorization: false, demo: [], base: BASE };

/** The same without one. */
export const STATIC = { ...SITE, proxy: false };
