/** The worker on the edge's platform. @module */
import { waitUntil } from "cloudflare:workers";
import { compose, type Worker } from "./compose.ts";
import { ConfigError, type Env, parseConfig } from "./config/config.ts";
import type { Batch } from "./hooks/queue.ts";
import type { Context } from "./ports.ts";

/** Milliseconds: about what a cold read takes. */
const WRITE_DELAY = 500;

/** Worker of this isolate; its configuration does not change while it lives. */
let worker: Worker | undefined;
/** Worker of an isolate whose queue came before its first request. */
let consumer: Worker | undefined;

/** `host`: a worker is reached at hosts of its own only, so that any of them will do for its cache. */
function start(host: string, env: Env): Worker {
  return compose(parseConfig(env), env, {
    host,
    waitUntil,
    writeDelay: WRITE_DELAY,
    fetch: (url, init) => fetch(url, init),
    log: (line) => console.log(line),
  });
}

/** Says in the log what is wrong with the settings. */
function tell(error: unknown): void {
  if (!(error instanceof ConfigError)) throw error;
  console.error(JSON.stringify({ level: "error", code: "CONFIGURATION", message: error.message }));
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    try {
      worker ??= start(new URL(request.url).hostname, env);
    } catch (error) {
      tell(error);
      const text = "CONFIGURATION: the worker is misconfigured; its log says what is wrong\n";
      const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
      return new Response(text, { status: 500, headers });
    }
    const address = request.headers.get("cf-connecting-ip") ?? undefined;
    return worker.handle(request, env, { waitUntil: (promise) => context.waitUntil(promise), address });
  },

  /** Images that the hooks have queued. */
  async queue(batch: Batch, env: Env): Promise<void> {
    try {
      // No request has told a host for the cache, which jobs do not use.
      if (!worker) consumer ??= start("ocipeek.invalid", env);
    } catch (error) {
      tell(error);
    }
    const hooks = (worker ?? consumer)?.hooks;
    if (!hooks) throw new Error("hooks are off: OCIPEEK_HOOK_SECRET is not set, or a setting is invalid");
    await hooks.consume(batch);
  },
};
