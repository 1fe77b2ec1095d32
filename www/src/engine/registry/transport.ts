/**
 * The requests of one image: to the registry itself where it answers pages of other origins, else through the host that
 * serves the page.
 * @module
 */
import type { FetchInit, FetchResponse } from "ocipeek";
import type { ApiFailure, Route } from "../../protocol/api.ts";
import type { Registries } from "./registries.ts";
import type { Part } from "./routes.ts";

/** The status of answers made here: the package does not try again what has it. */
const GIVEN_UP = 501;
/** What the package takes for a token, where the proxy signs in. It goes nowhere. */
const PROXY_TOKEN = "by-proxy";
const MAX_ERROR_BYTES = 64 << 10;

/** Codes of the proxy after which another try gives the same. */
const FINAL = new Set([
  "HOST_NOT_ALLOWED",
  "LIMIT_EXCEEDED",
  "DIGEST_MISMATCH",
  "CONFIGURATION",
  "INVALID_URL",
]);

/** The way to one registry. */
export class Transport {
  readonly #registries: Registries;
  readonly #registry: string;
  #route: Route = "direct";
  #failure: { status: number; failure: ApiFailure } | undefined;

  /** `registry` as references have it. */
  constructor(registries: Registries, registry: string) {
    this.#registries = registries;
    this.#registry = registry;
  }

  get #origin(): string {
    return this.#registries.origin(this.#registry);
  }

  /** How the registry was reached last; `proxy` as soon as some of it was. */
  get route(): Route {
    return this.#route;
  }

  /** What an error of the package is in truth, where this knows more than the answer's status. */
  explain(status: number | undefined): ApiFailure | undefined {
    return this.#failure?.status === status ? this.#failure?.failure : undefined;
  }

  /** For the package, in place of the platform's. */
  readonly fetch = (url: string, asked: FetchInit): Promise<FetchResponse> => {
    // What the browser keeps is not verified: damaged once, it would come again at each try. The page has its own cache.
    const init: FetchInit = { ...asked, cache: "no-store" };
    if (url === `${this.#origin.replace(/^http:/, "https:")}/v2/` && !url.startsWith(this.#origin)) {
      return this.#askTls(url, init);
    }
    const part = this.#partOf(url);
    if (part) return this.#send(url, init, part);
    return this.#elsewhere(url, init);
  };

  #partOf(url: string): Part | undefined {
    const { origin, pathname } = new URL(url);
    if (origin !== this.#origin || !pathname.startsWith("/v2/")) return undefined;
    return /\/blobs\/[^/]+$/.test(pathname) ? "blobs" : "api";
  }

  /**
   * Whether the package need not ask a registry on this machine for TLS: the host of the page asks registries, and knows
   * how.
   */
  get isPlain(): boolean {
    return this.#origin.startsWith("http:") && this.#proxied(`${this.#origin}/v2/`) !== undefined;
  }

  /** Whether a registry on this machine speaks TLS. */
  async #askTls(url: string, init: FetchInit): Promise<FetchResponse> {
    const answer = await this.#registries.platform.fetch(url, init as RequestInit);
    this.#registries.hasTls(this.#registry);
    return answer;
  }

  /** The registry's own API. */
  async #send(url: string, init: FetchInit, part: Part): Promise<FetchResponse> {
    const { routes } = this.#registries;
    const known = await routes.get(this.#registry, part);
    const proxied = this.#proxied(url);
    if (known === "proxy" && proxied) return this.#byProxy(proxied, init, part);
    if (known === "direct" || !proxied) return this.#direct(url, init, part, proxied);
    return routes.alone(this.#registry, part, async () => {
      if (routes.seen(this.#registry, part) === "proxy") return this.#byProxy(proxied, init, part);
      return this.#direct(url, init, part, proxied);
    });
  }

  async #direct(
    url: string,
    init: FetchInit,
    part: Part,
    proxied: string | undefined,
  ): Promise<FetchResponse> {
    const { routes, platform } = this.#registries;
    // Without credentials it may answer pages, and refuse the browser's question before a request with them.
    const signs = this.#registries.credentials(this.#registry) !== undefined;
    const worked = routes.seen(this.#registry, part) === "direct" && !signs;
    try {
      const answer = await platform.fetch(url, init as RequestInit);
      const hidden = answer.status === 401 && !answer.headers.has("www-authenticate");
      if (!hidden || !proxied) {
        await routes.set(this.#registry, part, "direct");
        return answer;
      }
      // It lets pages ask, but not read how to sign in.
      await answer.body?.cancel();
    } catch (error) {
      if (init.signal.aborted) throw error;
      if (!platform.online()) return this.#offline();
      // What has answered before fails for another reason than its headers.
      if (worked) throw error;
      if (!proxied) return this.#unreachable(error);
    }
    return this.#byProxy(proxied, init, part);
  }

  /** Where blobs or tokens lie; a registry has named it. */
  async #elsewhere(url: string, init: FetchInit): Promise<FetchResponse> {
    const { platform, routes } = this.#registries;
    try {
      return await platform.fetch(url, init as RequestInit);
    } catch (error) {
      if (init.signal.aborted) throw error;
      if (!platform.online()) return this.#offline();
      const asksForToken = init.headers.range === undefined && !url.includes("/blobs/");
      if (!asksForToken) throw error;
      if (!this.#proxied(`${this.#origin}/v2/`)) return this.#unreachable(error);
      // The token service does not answer pages: the proxy asks it, for all that is sent to this registry.
      for (const part of ["api", "blobs"] as const) await routes.set(this.#registry, part, "proxy");
      const body = JSON.stringify({ token: PROXY_TOKEN, expires_in: 3600 });
      return plain(new Response(body, { headers: { "content-type": "application/json" } }));
    }
  }

  #proxied(url: string): string | undefined {
    const base = this.#registries.proxied(this.#registry);
    return base && base + url.slice(`${this.#origin}/v2`.length);
  }

  async #byProxy(url: string, init: FetchInit, part: Part): Promise<FetchResponse> {
    const { platform, routes } = this.#registries;
    const { Authorization: _, authorization: __, ...headers } = init.headers;
    const own = this.#registries.authorization(this.#registry);
    if (own) headers.authorization = own;
    let answer: Response;
    try {
      answer = await platform.fetch(url, {
        ...init,
        headers,
        redirect: "error",
        credentials: "same-origin",
      } as RequestInit);
    } catch (error) {
      if (init.signal.aborted || platform.online()) throw error;
      return this.#offline();
    }
    this.#route = "proxy";
    if (answer.ok || answer.status === 404) await routes.set(this.#registry, part, "proxy");
    return answer.ok || answer.status === 304 ? plain(answer) : this.#failed(answer);
  }

  /** An answer of the proxy that is an error: its code counts for more than its status. */
  async #failed(answer: Response): Promise<FetchResponse> {
    const text = await readText(answer);
    const { error } = (parseJson(text) ?? {}) as { error?: { code?: unknown; message?: unknown } };
    let { status } = answer;
    const wants = status === 401 || (status === 403 && error?.code === "FORBIDDEN");
    if (
      wants &&
      this.#registries.credentials(this.#registry) &&
      !this.#registries.authorization(this.#registry)
    ) {
      const message = `${this.#registry} does not answer pages of other origins, and the host of this page does not pass credentials on`;
      this.#failure = { status, failure: { code: "UNAUTHORIZED", message, status } };
    } else if (typeof error?.code === "string" && status !== 401) {
      const failure = { code: error.code, message: String(error.message), status };
      if (FINAL.has(error.code)) status = GIVEN_UP;
      this.#failure = { status, failure };
    } else this.#failure = undefined;
    const headers = new Headers(answer.headers);
    headers.delete("content-length");
    return plain(new Response(text, { status, headers }));
  }

  #offline(): FetchResponse {
    return this.#giveUp({ code: "OFFLINE", message: "this device has no network connection now" });
  }

  /** No answer, and no proxy. Whether the registry is there at all shows an answer that nobody may read. */
  async #unreachable(cause: unknown): Promise<FetchResponse> {
    try {
      const init = { mode: "no-cors", credentials: "omit", cache: "no-store", redirect: "follow" } as const;
      await this.#registries.platform.fetch(`${this.#origin}/v2/`, init);
    } catch {
      throw cause;
    }
    const message = `${this.#registry} does not answer pages of other origins, and the host of this page has no proxy`;
    return this.#giveUp({ code: "CORS", message });
  }

  #giveUp(failure: ApiFailure): FetchResponse {
    this.#failure = { status: GIVEN_UP, failure };
    return plain(new Response(null, { status: GIVEN_UP }));
  }
}

/** An answer without its URL: the package takes it for one of the URL that it asked. */
function plain({ status, headers, body }: Response): FetchResponse {
  return { status, headers, body, type: "basic" };
}

async function readText(answer: Response): Promise<string> {
  const length = Number(answer.headers.get("content-length") ?? 0);
  if (length > MAX_ERROR_BYTES) {
    await answer.body?.cancel();
    return "";
  }
  return answer.text().catch(() => "");
}

/** What a text says in JSON; nothing where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
