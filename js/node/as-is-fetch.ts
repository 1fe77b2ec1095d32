/**
 * A `fetch` that can hand bodies out as they come. The platform's undoes what `Content-Encoding` says, also where that is a
 * mere label of a blob that is gzip itself: what the digest is of is lost then.
 * @module
 */
import type { Fetch, FetchResponse } from "../types/index.js";
import { proxyFetch, wantsAsIs } from "./proxy-fetch.js";

let direct: Fetch | undefined;

/**
 * The platform's `fetch`, except for requests that want bytes as they are stored: these are sent by `node:http`.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { asIsFetch } from "ocipeek/node";
 *
 * // Around it, not around the global one: so that requests can be logged.
 * const fetch = (url, init) => {
 *   console.log(init.method ?? "GET", String(url));
 *   return asIsFetch(url, init);
 * };
 * const image = await open("ghcr.io/owner/app:1", { fetch });
 * ```
 */
export const asIsFetch: Fetch = (url, init) => {
  if (!wantsAsIs(init)) return fetch(url, init as RequestInit) as Promise<FetchResponse>;
  direct ??= proxyFetch({ env: {} });
  return direct(url, init);
};
