/** The handler with all its parts, the same on every platform. @module */
import { open, setMemoryLimit } from "ocipeek";
import { platformAssets } from "./answers/page.ts";
import { type CachePlatform, createCache } from "./cache/create.ts";
import { BINDINGS, type Config, type Env } from "./config/config.ts";
import { createHandler, type Handler } from "./handler.ts";
import { createHooks } from "./hooks/create.ts";
import type { Hooks } from "./hooks/hooks.ts";
import type { Analytics, Assets, Ports } from "./ports.ts";
import { createProxy } from "./proxy/proxy.ts";
import { AccessList } from "./registry/access.ts";
import { operatorAuth, operatorReads } from "./registry/credentials.ts";
import { guardedFetch, type PlatformFetch } from "./registry/guarded-fetch.ts";

/** What a platform gives to the worker besides requests. */
export interface Platform extends CachePlatform {
  /** Its `fetch`. */
  fetch: PlatformFetch;
  /** The page's files, where they are none of the platform's bindings. */
  assets?: Assets | undefined;
  /** Writes one line of the log. */
  log(line: string): void;
  /** Whether a request's `Host` is one of this server's. */
  checkHost?: Ports["checkHost"];
  /** Ends what goes on behind answers. */
  stop?: AbortSignal | undefined;
}

/** The worker. */
export interface Worker extends Handler {
  /** Where they are on. */
  readonly hooks: Hooks | undefined;
}

/** Puts the worker together. */
export function compose(config: Config, env: Env, platform: Platform): Worker {
  const now = Date.now;
  const access = new AccessList(config);
  const auth = operatorAuth(config, platform.fetch, now);
  const log = (record: Record<string, unknown>): void => platform.log(JSON.stringify(record));
  const hooks = createHooks({ config, env, access, auth, platform, now, log });
  const handler = createHandler({
    config,
    open,
    onMemoryPressure: (onPressure) => setMemoryLimit(config.maxMemory, { onPressure }),
    fetch: guardedFetch(access, config, platform.fetch),
    cache: createCache(config, env, platform),
    auth,
    isOperators: operatorReads(config),
    ...(platform.checkHost ? { checkHost: platform.checkHost } : {}),
    checkAllowed: (registry, repository) => {
      access.check(registry, repository);
    },
    proxy: createProxy({ config, access, auth }),
    assets: platform.assets ?? platformAssets(env[BINDINGS.assets]),
    hooks,
    now,
    log,
    analytics: analyticsOf(env[BINDINGS.analytics]),
  });
  return { ...handler, hooks };
}

function analyticsOf(binding: unknown): Analytics | undefined {
  const { writeDataPoint } = (binding ?? {}) as Record<string, unknown>;
  return typeof writeDataPoint === "function" ? (binding as Analytics) : undefined;
}
