/** The worker as a plain server: under Node, Deno and Bun. @module */

import { fileURLToPath } from "node:url";
import { OcipeekError } from "ocipeek";
import { proxyFetchIfNeeded, proxyFor } from "ocipeek/node";
import { compose } from "../compose.ts";
import { ConfigError, type Env, parseConfig } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import type { PlatformFetch } from "../registry/guarded-fetch.ts";
import { folderAssets, sharedFiles } from "./assets.ts";
import { FolderTier } from "./cache.ts";
import { serveDeno } from "./deno.ts";
import { type Network, publicFetch } from "./fetch.ts";
import { hostCheck } from "./host.ts";
import type { Listen, Listening } from "./listen.ts";
import { ErrorLog } from "./log.ts";
import { serveNode } from "./node.ts";

export { ConfigError };

/** How to serve. */
export interface ServeOptions {
  /** Address to listen on. Default `127.0.0.1`: this machine alone. */
  hostname?: string | undefined;
  /** Port, 0 for a free one. Default 8788. */
  port?: number | undefined;
  /** Folder of the cache, a new or empty one or one that was made so, and the bytes that it may hold. */
  cacheDir?: string | undefined;
  cacheBytes?: number | undefined;
  /** Folder of the page's files. Default: those of the package. */
  pageDir?: string | undefined;
  /** The settings of the worker, by their names. Default: this process's environment. */
  env?: Env | undefined;
  /** A file of certificates (PEM) of authorities that registries are trusted by, besides the usual ones. */
  caFile?: string | undefined;
  /** Accept any certificate of registries: what tags lead to is then the network's word. */
  insecureSkipTlsVerify?: boolean | undefined;
  /** Takes a line of the log. Default: standard error. */
  log?: ((line: string) => void) | undefined;
}

/** A running server. */
export interface Server {
  /** Where it is reached, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, ends those that run, and waits for what is still being written. */
  close(): Promise<void>;
}

/**
 * A server of one's own is not counted like the edge platform's free plan. What it reaches, others may not: no page of
 * another origin reads it unless its operator says so.
 */
const DEFAULTS = {
  allowedOrigins: [],
  maxMemory: 1 << 30,
  answerBytes: 64 << 20,
  limits: { maxSubrequests: 10_000, maxOpenImages: 16 },
  hooks: { maxLayerSize: 0, maxWaiting: 1000, maxSeconds: 7_200, maxInflatedBytes: 128 * 2 ** 30 },
};

/** The page, as it lies beside this file when it is built. */
const PAGE = fileURLToPath(new URL("../www/", import.meta.url));
/** The package's wasm modules, of which the page needs a copy, and their names there. */
const MODULES = fileURLToPath(new URL("../wasm/", import.meta.url));
const SHARED = fileURLToPath(new URL("page-modules.json", import.meta.url));

/**
 * Starts the server of the runtime that it is called in.
 * @throws {@link ConfigError} if a setting does not mean anything, or the folder of the cache holds other things
 */
export async function serve(options: ServeOptions = {}): Promise<Server> {
  const { hostname = "127.0.0.1", port = 8788, cacheDir, env = process.env } = options;
  const running = new Set<Promise<unknown>>();
  const waitUntil = (promise: Promise<unknown>): void => {
    const settled = promise.catch(() => {}).finally(() => running.delete(settled));
    running.add(settled);
  };
  const config = parseConfig(env, DEFAULTS);
  const folder = cacheDir === undefined ? undefined : new FolderTier(cacheDir, options.cacheBytes);
  await folder?.check().catch((cause: Error) => {
    throw new ConfigError(`--cache-dir: ${cause instanceof OcipeekError ? cause.what : cause.message}`);
  });
  const stopped = new AbortController();
  const errors = new ErrorLog();
  const { handle, warm } = compose(config, env, {
    fetch: publicFetch(config, undefined, networkOf(options, env)),
    host: "ocipeek.invalid",
    waitUntil,
    // Requests are not bound to contexts here: they may wait for each other.
    shareLookups: true,
    folder,
    assets: folderAssets(options.pageDir ?? PAGE, await sharedFiles(SHARED, MODULES)),
    log: options.log ?? errors.add,
    stop: stopped.signal,
    checkHost: hostCheck(hostname, config.allowedHosts),
  });
  const listening = await start({
    hostname,
    port,
    handle: (request, target, address) => handle(request, env, { waitUntil, target, address }),
    warm,
  });
  const shown = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${shown}:${listening.port}`,
    close: async () => {
      await listening.close();
      stopped.abort(new HttpError("ABORTED", "the server was stopped; push the image again to index it"));
      while (running.size > 0) await Promise.all(running);
      errors.flush();
    },
  };
}

/** How requests leave: through the proxies of the environment, and by which certificates. */
function networkOf({ caFile, insecureSkipTlsVerify }: ServeOptions, env: Env): Network {
  const variables = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
  const own = proxyFetchIfNeeded({ env: variables, caFile, insecureSkipTlsVerify });
  if (!own) return {};
  return {
    fetch: own as unknown as PlatformFetch,
    isProxied: (url) => proxyFor(url, variables) !== undefined,
  };
}

function start(listen: Listen): Promise<Listening> | Listening {
  if ("Deno" in globalThis) return serveDeno(listen);
  // Bun too: its own server sends streams without their length.
  return serveNode(listen);
}
