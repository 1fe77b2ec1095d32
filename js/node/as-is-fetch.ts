/**
 * A `fetch` that can hand bodies out as they come. The platform's undoes what `Content-Encoding` says, also where that is a
 * mere label of a blob that is gzip itself: what the digest is of is lost then.
 * @module
 */
import type { Fetch, FetchInit, FetchResponse } from "../types/index.js";
import { proxyFetch } from "./proxy-fetch.js";

let direct: Fetch | undefined;

/** The platform's `fetch`, except for requests that want bytes as they are stored: these are sent by `node:http`. */
export const asIsFetch: Fetch = (url, init) => {
  if (!wantsAsIs(init)) return fetch(url, init as RequestInit) as Promise<FetchResponse>;
  direct ??= proxyFetch({ env: {} });
  return direct(url, init);
};

/** Whether a request wants nothing but bytes as they are stored: so the library asks once it has met a label. */
export function wantsAsIs(init: Pick<FetchInit, "headers">): boolean {
  return new Headers(init.headers).get("accept-encoding") === "identity, *;q=0";
}
