/**
 * The service worker of downloads, and of nothing else: the browser asks it for a URL, and it answers with bytes that
 * the engine sends through a port, as fast as the browser takes them to disk.
 * @module
 */
import { contentDisposition } from "../../../web/disposition.ts";
import type { ApiFailure } from "../protocol/api.ts";
import { EngineError } from "../protocol/api.ts";
import { receivePieces } from "../protocol/pieces.ts";
import type { FromSaver, ToSaver } from "../protocol/saving.ts";

/** What of a service worker's scope is used. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { get(id: string): Promise<unknown> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install", listener: () => void): void;
  addEventListener(
    type: "message",
    listener: (event: { data: ToSaver; source: Client | null }) => void,
  ): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

interface FetchEvent {
  readonly request: Request;
  respondWith(response: Response): void;
}

/** A page. */
interface Client {
  readonly id: string;
  postMessage(message: FromSaver): void;
}

/** A download that the browser has not asked for yet, or that it is taking. */
interface Saving {
  readonly name: string;
  readonly size: number | undefined;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly page: Client;
  /** Ends the stream that the browser has. */
  drop(): void;
}

/** Milliseconds after which it looks whether the page is still there that a piece is waited for from. */
const LOOK_AFTER = 5000;

const ABORTED: ApiFailure = { code: "ABORTED", message: "the download was stopped" };

const scope = globalThis as unknown as Scope;
const savings = new Map<string, Saving>();

scope.addEventListener("install", () => void scope.skipWaiting());

scope.addEventListener("message", ({ data, source: page }) => {
  if (data.kind === "drop") savings.get(data.id)?.drop();
  if (data.kind !== "save" || !page) return;
  const { id, name, size, port } = data;
  const stream = receivePieces(port);
  const drop = (): void => {
    savings.delete(id);
    void stream.cancel();
    page.postMessage({ kind: "ended", id, failure: ABORTED });
  };
  savings.set(id, { name, size, stream, page, drop });
  page.postMessage({ kind: "kept", id });
});

scope.addEventListener("fetch", (event) => {
  const id = event.request.url.slice(scope.registration.scope.length);
  const saving = savings.get(id);
  if (!saving || saving.stream.locked) return event.respondWith(new Response(null, { status: 404 }));
  saving.page.postMessage({ kind: "started", id });
  const headers: Record<string, string> = {
    "content-type": "application/octet-stream",
    "content-disposition": contentDisposition("attachment", saving.name),
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    ...(saving.size === undefined ? {} : { "content-length": String(saving.size) }),
  };
  event.respondWith(new Response(told(id, saving), { headers }));
});

/** The stream; the page is told of its end, and the stream ends with the page. */
function told(id: string, saving: Saving): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { stream, page } = saving;
  const reader = stream.getReader();
  const ended = (failure?: ApiFailure): void => {
    if (savings.delete(id)) page.postMessage({ kind: "ended", id, ...(failure ? { failure } : {}) });
  };
  return new ReadableStream(
    {
      start(controller) {
        savings.set(id, {
          ...saving,
          drop: () => {
            controller.error(new EngineError(ABORTED));
            void reader.cancel().catch(() => {});
            ended(ABORTED);
          },
        });
      },
      async pull(controller) {
        const look = setInterval(async () => {
          if (!(await scope.clients.get(page.id))) savings.get(id)?.drop();
        }, LOOK_AFTER);
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          controller.close();
          ended();
        } catch (error) {
          ended(error instanceof EngineError ? error.failure : ABORTED);
          throw error;
        } finally {
          clearInterval(look);
        }
      },
      async cancel() {
        ended(ABORTED);
        await reader.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
