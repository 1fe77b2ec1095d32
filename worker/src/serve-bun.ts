/** Bun's own server. @module */
import type { Listen, Listening } from "./serve.ts";

/** What of Bun is used. */
interface BunServe {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    fetch(request: Request): Promise<Response>;
  }): { port: number; stop(closeConnections?: boolean): Promise<void> };
}

/** Seconds; the most that Bun takes. Its default would end answers that a registry is slow for. */
const IDLE = 255;

/** Listens. */
export function serveBun({ hostname, port, handle }: Listen): Listening {
  const { Bun } = globalThis as unknown as { Bun: BunServe };
  const server = Bun.serve({ hostname, port, idleTimeout: IDLE, fetch: handle });
  return { port: server.port, close: () => server.stop(true) };
}
