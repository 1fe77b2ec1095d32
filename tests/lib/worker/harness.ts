// The handler over the demo image, in a registry of our own on loopback.
import { open } from "ocipeek";
import { serveLayout } from "../../../scripts/lib/layout-registry.mjs";
import { parseConfig } from "../../../worker/src/config/config.ts";
import { createHandler } from "../../../worker/src/handler.ts";
import type { Handle, Ports } from "../../../worker/src/ports.ts";
import { DEMO, REPOSITORY } from "../docker-registry.mjs";

export interface Harness {
  /** `127.0.0.1:port` */
  host: string;
  /** `/127.0.0.1:port/demo` */
  image: string;
  handle: Handle;
  /** Sends a request to the handler. */
  get(path: string, headers?: Record<string, string>, method?: string, init?: RequestInit): Promise<Response>;
  /** Requests that the registry got since the last call. */
  requests(): string[];
  /** Log records since the last call. */
  logs(): Record<string, unknown>[];
  /** Resolves when all that the handler left running is over. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts both. `ports` replaces parts of the handler's. */
export async function start(
  env: Record<string, unknown> = {},
  ports: Partial<Ports> = {},
  { dir, repository } = { dir: DEMO, repository: REPOSITORY },
): Promise<Harness> {
  let seen: string[] = [];
  let logged: Record<string, unknown>[] = [];
  const pending = new Set<Promise<unknown>>();
  const registry = await serveLayout({
    dir,
    repository,
    onRequest: ({ method, url, range }: { method: string; url: string; range?: string }) => {
      seen.push(`${method} ${url}${range ? ` ${range}` : ""}`);
    },
  });
  // A test that fails does not close it.
  registry.server.unref();
  const config = parseConfig({ OCIPEEK_INSECURE_REGISTRIES: [registry.host], ...env });
  const { handle } = createHandler({
    config,
    open,
    fetch: (url, init) => fetch(url, init),
    cache: undefined,
    auth: undefined,
    isOperators: () => false,
    checkAllowed: () => {},
    proxy: async (_request, target) => Response.json(target),
    now: Date.now,
    assets: undefined,
    hooks: undefined,
    log: (record) => logged.push(record),
    analytics: undefined,
    ...ports,
  });
  const context = {
    waitUntil: (promise: Promise<unknown>) => {
      pending.add(promise);
      void promise.finally(() => pending.delete(promise));
    },
  };
  return {
    host: registry.host,
    image: `/${registry.host}/${repository}`,
    handle,
    get: (path, headers = {}, method = "GET", init = {}) =>
      handle(new Request(`https://files.example${path}`, { method, headers, ...init }), {}, context),
    requests: () => {
      const list = seen;
      seen = [];
      return list;
    },
    logs: () => {
      const list = logged;
      logged = [];
      return list;
    },
    idle: async () => {
      while (pending.size > 0) await Promise.allSettled([...pending]);
    },
    close: () => registry.close(),
  };
}

/** SHA-256 of an answer's body, in hex. */
export async function sha256(response: Response): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return Buffer.from(hash).toString("hex");
}
