/** The service worker of downloads, as the page speaks with it. @module */
import scriptUrl from "../download/service-worker.ts?worker&url";
import { type Download, EngineError } from "../protocol/api.ts";
import { DOWNLOADS, type FromSaver, type ToSaver } from "../protocol/saving.ts";

/** Milliseconds for it to answer, and for the browser to ask it. */
const PATIENCE = 10_000;
/** Milliseconds after which browsers end one for being idle are 30,000. */
const ALIVE_EACH = 10_000;

/** The service worker, ready for downloads. */
export interface Saver {
  /** What to navigate to for a download. */
  urlOf(id: string): string;
  /**
   * Hands it over. `kept`: whether the service worker has it, before which the browser must not ask for it, as messages
   * and navigations overtake each other. `started`: whether the browser asked for it in time. `ended` rejects with an
   * {@link EngineError}.
   */
  hand(
    id: string,
    download: Download,
  ): { kept: Promise<boolean>; started: Promise<boolean>; ended: Promise<void> };
  /** Stops it. */
  drop(id: string): void;
}

let found: Promise<Saver | undefined> | undefined;

/**
 * The service worker, registered by the first call; nothing where the browser has none for us, or not now: the next call
 * tries again.
 */
export async function saver(): Promise<Saver | undefined> {
  found ??= register().catch(() => undefined);
  const mine = found;
  const way = await mine;
  if (!way && found === mine) found = undefined;
  return way;
}

async function register(): Promise<Saver | undefined> {
  const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!container) return undefined;
  const scope = new URL(DOWNLOADS, document.baseURI);
  const registration = await container.register(scriptUrl, { scope: scope.href, updateViaCache: "none" });
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  if (!worker || !(await activated(worker))) return undefined;
  const heard = new Map<string, (message: FromSaver) => void>();
  container.addEventListener("message", ({ data }: MessageEvent<FromSaver>) => heard.get(data.id)?.(data));
  container.startMessages();
  // The one that the browser asks: a page of another version may have put its own in this one's place.
  const say = (message: ToSaver, transfer: Transferable[] = []): void =>
    (registration.active ?? worker).postMessage(message, transfer);
  return {
    urlOf: (id) => scope.href + id,
    drop: (id) => say({ kind: "drop", id }),
    hand: (id, { name, size, port }) => {
      const kept = Promise.withResolvers<boolean>();
      const started = Promise.withResolvers<boolean>();
      const ended = Promise.withResolvers<void>();
      // Nobody waits for it where it did not start.
      ended.promise.catch(() => {});
      const alive = setInterval(() => say({ kind: "alive" }), ALIVE_EACH);
      const over = (): void => {
        clearInterval(alive);
        heard.delete(id);
      };
      const expire = (): void => {
        over();
        say({ kind: "drop", id });
        kept.resolve(false);
        started.resolve(false);
      };
      let late = setTimeout(expire, PATIENCE);
      heard.set(id, (message) => {
        clearTimeout(late);
        kept.resolve(true);
        if (message.kind === "kept") {
          late = setTimeout(expire, PATIENCE);
          return;
        }
        started.resolve(true);
        if (message.kind !== "ended") return;
        over();
        if (message.failure) ended.reject(new EngineError(message.failure));
        else ended.resolve();
      });
      say({ kind: "save", id, name, size, port }, [port]);
      return { kept: kept.promise, started: started.promise, ended: ended.promise };
    },
  };
}

/** Whether it becomes active; it is at once, as no page is in its scope. */
function activated(worker: ServiceWorker): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (worker.state === "activated") resolve(true);
      if (worker.state === "redundant") resolve(false);
    };
    worker.addEventListener("statechange", look);
    look();
    setTimeout(resolve, PATIENCE, false);
  });
}
