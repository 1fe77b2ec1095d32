/** The worker on the edge's platform. @module */
import { waitUntil } from "cloudflare:workers";
import { assemble } from "./assemble.ts";
import { ConfigError, type Env, parseConfig } from "./config.ts";
import type { Context, Handle } from "./deps.ts";

/** Milliseconds: about what a cold read takes. */
const WRITE_DELAY = 500;

/** Of this isolate; its configuration does not change while it lives. */
let handle: Handle | undefined;

function start(request: Request, env: Env): Handle {
  // A worker is reached at hosts of its own only, so that any of them will do for its cache.
  const { hostname } = new URL(request.url);
  return assemble(parseConfig(env), env, {
    host: hostname,
    waitUntil,
    writeDelay: WRITE_DELAY,
    fetch: (url, init) => fetch(url, init),
    log: (line) => console.log(line),
  });
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    try {
      handle ??= start(request, env);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      console.error(JSON.stringify({ level: "error", code: "CONFIGURATION", message: error.message }));
      const text = "CONFIGURATION: the worker is not set up rightly; its log says what is wrong\n";
      const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
      return new Response(text, { status: 500, headers });
    }
    return handle(request, env, context);
  },
};
