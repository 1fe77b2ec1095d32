/** Deno's own server. @module */
import type { Listen, Listening } from "./listen.ts";

/** What of Deno is used. */
interface DenoServe {
  serve(
    options: { hostname: string; port: number; onListen(address: unknown): void },
    handler: (request: Request, info: Info) => Promise<Response>,
  ): { addr: { port: number }; shutdown(): Promise<void> };
}

interface Info {
  completed: Promise<void>;
  remoteAddr: { hostname?: string };
}

/** Listens. */
export function serveDeno({ hostname, port, handle }: Listen): Listening {
  const { Deno } = globalThis as unknown as { Deno: DenoServe };
  // It would say where it listens on standard output.
  const server = Deno.serve({ hostname, port, onListen: () => {} }, (request, info) => {
    // The request's own signal tells of every end, good ones too; so this one is made without it.
    const left = new AbortController();
    info.completed.catch(() => left.abort());
    const { url, method, headers, body } = request;
    const { signal } = left;
    const init = { method, headers, signal, ...(method === "POST" ? { body } : {}) };
    return handle(new Request(url, init), url, info.remoteAddr.hostname);
  });
  return { port: server.addr.port, close: () => server.shutdown() };
}
