/** Messages between page and service worker about downloads. Types only. @module */
import type { ApiFailure } from "./api.ts";

/** To the service worker. */
export type ToSaver =
  /** What to give under `id`; the bytes come through the port. It answers `kept`. */
  | { kind: "save"; id: string; name: string; size: number | undefined; port: MessagePort }
  /** Nobody wants it any more. */
  | { kind: "drop"; id: string }
  /** Keeps it from being ended for being idle. */
  | { kind: "alive" };

/** To the page. */
export type FromSaver =
  /** It knows what to give: now the browser can ask for it. */
  | { kind: "kept"; id: string }
  /** The browser has asked for it. */
  | { kind: "started"; id: string }
  /** All bytes are the browser's, or something failed. */
  | { kind: "ended"; id: string; failure?: ApiFailure };

/** Where downloads are, below the page: the scope of the service worker, in which nothing else is. */
export const DOWNLOADS = "-/www/download/";
