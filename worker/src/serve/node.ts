/** The server of `node:http`, with web requests and answers. @module */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PlainAnswer } from "../answers/warm.ts";
import type { Listen, Listening } from "./listen.ts";

/** Listens. */
export async function serveNode({ hostname, port, handle, warm }: Listen): Promise<Listening> {
  const server = createServer((incoming, outgoing) => {
    if (sendWarm(incoming, outgoing, warm)) return;
    void scope(incoming, outgoing, handle).catch(() => outgoing.destroy());
  });
  server.listen(port, hostname);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Sends what can be answered at once, without the web's objects. */
function sendWarm(incoming: IncomingMessage, outgoing: ServerResponse, warm: Listen["warm"]): boolean {
  const { method = "", url = "" } = incoming;
  if (!url.startsWith("/") || hasBody(incoming)) return false;
  const get = (name: string): string | null => textOf(incoming.headers[name]);
  const plain = warm({ method, target: url, headers: { get } });
  if (!plain) return false;
  outgoing.on("error", () => outgoing.destroy());
  outgoing.writeHead(plain.status, flat(plain.common, plain.own));
  outgoing.end(plain.body ?? undefined);
  return true;
}

/** Headers as `writeHead` takes them quickest: a name, its value, and so on. Common ones are the same object each time. */
function flat(common: PlainAnswer["common"], own: PlainAnswer["own"]): string[] {
  const known = flatCommon.get(common) ?? Object.entries(common).flat();
  flatCommon.set(common, known);
  return known.concat(...Object.entries(own));
}

const flatCommon = new WeakMap<PlainAnswer["common"], string[]>();

function textOf(value: string | string[] | undefined): string | null {
  return Array.isArray(value) ? value.join(", ") : (value ?? null);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

async function scope(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: Listen["handle"],
): Promise<void> {
  const left = new AbortController();
  outgoing.on("error", () => outgoing.destroy());
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) left.abort();
  });
  // Only notifications have bodies that are read; a connection with the rest of one on it is not used again.
  if (hasBody(incoming)) outgoing.setHeader("connection", "close");
  const request = requestOf(incoming, left.signal);
  if (!request) {
    outgoing.writeHead(400, { "content-type": "text/plain; charset=utf-8", connection: "close" });
    outgoing.end("INVALID_URL: the request has no path, or a method or header that cannot be\n");
    return;
  }
  const { remoteAddress } = incoming.socket;
  await send(await handle(request, incoming.url ?? "/", remoteAddress), incoming.method === "HEAD", outgoing);
}

/** The request, or nothing where it is none of the web's. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = "GET", url = "", rawHeaders } = incoming;
  // Put behind a host, a path cannot become one, whatever it begins with.
  if (!url.startsWith("/")) return undefined;
  try {
    const headers = new Headers();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
    }
    const body = method === "POST" ? bodyOf(incoming) : undefined;
    const init = { method, headers, signal, ...(body ? { body, duplex: "half" as const } : {}) };
    return new Request(`http://ocipeek.invalid${url}`, init);
  } catch {
    return undefined;
  }
}

/** A body that is read no further than it is asked for, not even ahead. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  // Whoever leaves it early still gets an answer: the connection ends behind that.
  const pieces = incoming[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>);
      },
      cancel() {
        incoming.pause();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Sends an answer as fast as it is taken. */
async function send(response: Response, isHead: boolean, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  const body = isHead ? undefined : response.body;
  if (!body) {
    await response.body?.cancel();
    outgoing.end();
    return;
  }
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (outgoing.destroyed) throw new Error("the caller left");
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.end();
  } catch (error) {
    // The head is out: that something is missing shows by the connection's end alone.
    outgoing.destroy();
    await reader.cancel(error).catch(() => {});
  }
}

/** Resolves when more can be written, or nothing any more. */
function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off("drain", settle);
      outgoing.off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle);
    outgoing.on("close", settle);
  });
}
