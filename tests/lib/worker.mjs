import { createServer, request as httpRequest } from "node:http";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { wranglerDev } from "../../scripts/lib/wrangler.mjs";
import { WORKER_CONFIG } from "../../scripts/worker-build.mjs";
import { memoryOf, processesBelow } from "./process-memory.mjs";
import { freePort, startServer, tempFolder } from "./processes.mjs";
import { workerBundle } from "./worker-bundle.mjs";
import { startWorkerd } from "./workerd.mjs";

/**
 * Starts the worker. `folder` is that of another one, whose cache it takes over; so it is a cold isolate with a warm
 * cache.
 * @param {{ vars?: Record<string, unknown>, config?: string, folder?: string }} [options]
 */
export async function startWorker({ vars = {}, config = WORKER_CONFIG, folder } = {}) {
  const own = folder === undefined ? tempFolder("worker") : undefined;
  const place = folder ?? own?.path ?? "";
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { file, args, env } = wranglerDev({ config, port, folder: place, vars });
  const server = await startServer(file, args, { url: `${url}/healthz`, env, seconds: 90 });
  return {
    url,
    folder: place,
    output: server.output,
    /** Bytes of memory that the worker's process holds now. */
    memory: () => memoryOf(isolate(server.child.pid)),
    stop: async () => {
      await server.stop();
      own?.remove();
    },
  };
}

/** An isolate of the platform has 128 MB. Without limits V8 lets garbage grow to some hundred. */
export const HEAP = ["--max-old-space-size=64", "--max-semi-space-size=8"];

/**
 * Starts what `npm run worker:build` makes, in workerd itself: without a Cache API, and with a heap as at the edge.
 * @param {Record<string, unknown>} vars
 * @param {{ keepOutput?: boolean }} [options] `keepOutput`: whether its log is read; else it goes nowhere
 */
export async function startBundle(vars, { keepOutput = true } = {}) {
  const texts = Object.entries({ OCIPEEK_CACHE: { cacheApi: false }, ...vars }).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const workerd = await startWorkerd(await workerBundle(), {
    vars: Object.fromEntries(texts),
    flags: ["enable_request_signal"],
    v8Flags: HEAP,
    ready: "/healthz",
    keepOutput,
  });
  return { ...workerd, memory: () => memoryOf(workerd.pid) };
}

/** The process that runs the worker. wrangler starts two workerds; the one in front only passes requests on. */
function isolate(root) {
  const found = processesBelow(root).filter(
    ({ parent, command }) =>
      parent === root && command.includes("workerd") && command.includes("--debug-port"),
  );
  if (found.length !== 1) throw new Error(`${found.length} processes look like the worker's`);
  return found[0].pid;
}

/** Passes requests on to a registry on loopback, and notes them. */
export async function startCounter(target) {
  const [hostname, port] = target.split(":");
  let seen = [];
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    seen.push(`${method} ${url}${headers.range ? ` ${headers.range}` : ""}`);
    const onward = httpRequest({ hostname, port, method, path: url, headers: { ...headers, host: target } });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  const actual = await listen(server);
  return {
    host: `127.0.0.1:${actual}`,
    /** The requests since the last call. */
    requests: () => {
      const list = seen;
      seen = [];
      return list;
    },
    stop: () => closeServer(server),
  };
}
