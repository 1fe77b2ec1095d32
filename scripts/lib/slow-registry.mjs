// A registry in a thread of its own, each answer of which takes so long to begin; it counts what it sends.
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { readLayout, registryHandler } from "./layout-registry.mjs";
import { listen } from "./servers.mjs";

if (!isMainThread) {
  const { dir, repository, ms } = workerData;
  let requests = 0;
  /** Bytes of answers, heads included, as they go out by sockets. */
  let [sent, before] = [0, 0];
  const sockets = new Set();
  const bytes = () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sent);
  const handler = registryHandler({ layout: readLayout(dir), repository });
  const server = createServer((request, response) => {
    requests += 1;
    setTimeout(() => handler(request, response), ms);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      sent += socket.bytesWritten;
    });
  });
  const port = await listen(server, 0);
  parentPort?.on("message", () => {
    const all = bytes();
    parentPort?.postMessage({ requests, bytes: all - before });
    [requests, before] = [0, all];
  });
  parentPort?.postMessage({ host: `127.0.0.1:${port}` });
}

/**
 * Serves a layout; `taken` gives what was sent since it was asked last.
 * @param {{ dir: string, repository: string, ms: number }} options `ms`: what a round trip takes.
 */
export async function serveSlowly(options) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: options });
  const answer = async () => {
    const [message] = await once(worker, "message");
    return message;
  };
  const { host } = await answer();
  const taken = async () => {
    const told = answer();
    worker.postMessage("taken");
    /** @type {{ requests: number, bytes: number }} */
    const sent = await told;
    return sent;
  };
  return { host, taken, close: () => worker.terminate() };
}
