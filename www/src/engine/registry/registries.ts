/** Registries, for all images: the host of the page, credentials, how each is reached. @module */
import type { Credentials } from "ocipeek";
import { apiOrigin, isLoopback } from "../../../../web/host.ts";
import type { SiteConfig } from "../../protocol/api.ts";
import { RouteBook, type RouteStore, routeStore } from "./routes.ts";

/** The platform, as far as requests need it; tests have their own. */
export interface Platform {
  fetch: typeof fetch;
  /** Whether the device has a network, as far as it knows. */
  online(): boolean;
  /** Where routes are kept between visits. */
  routes?: RouteStore | undefined;
}

/** The worker's own. */
export const PLATFORM: Platform = {
  fetch: (input, init) => fetch(input, init),
  online: () => (globalThis.navigator as Navigator | undefined)?.onLine !== false,
  routes: routeStore,
};

/** What is shared by the requests of all images. */
export class Registries {
  readonly platform: Platform;
  readonly routes: RouteBook;
  #site: SiteConfig & { base: string } = {
    base: "",
    proxy: false,
    registries: [],
    passAuthorization: false,
    demo: [],
  };
  readonly #credentials = new Map<string, Credentials>();
  readonly #tls = new Set<string>();

  constructor(platform: Platform = PLATFORM) {
    this.platform = platform;
    this.routes = new RouteBook(platform.routes);
  }

  /** Says what the host of the page offers. */
  configure(site: SiteConfig & { base: string }): void {
    this.#site = site;
  }

  /** Where the proxy has a registry's API, `https://host/-/v2/ghcr.io`, if there is a proxy. */
  proxied(registry: string): string | undefined {
    return this.#site.proxy ? `${this.#site.base}-/v2/${registry}` : undefined;
  }

  /** Where a registry's own API is, as far as is known. */
  origin(registry: string): string {
    const origin = apiOrigin(registry);
    return this.#tls.has(registry) ? origin.replace(/^http:/, "https:") : origin;
  }

  /** A registry on this machine speaks TLS. */
  hasTls(registry: string): void {
    this.#tls.add(registry);
  }

  /** Sets or forgets the user's credentials of a registry. Nothing but memory has them. */
  async signIn(registry: string, credentials: Credentials | undefined): Promise<void> {
    if (credentials) this.#credentials.set(registry, credentials);
    else this.#credentials.delete(registry);
    // Perhaps it answered by the proxy, which may not pass them on.
    if (credentials && !this.#proxyTakesCredentials()) await this.routes.forget(registry);
  }

  /** The user's credentials of a registry. */
  credentials(registry: string): Credentials | undefined {
    return this.#credentials.get(registry);
  }

  /** `Authorization` for the proxy; nothing where it takes none or there is none to give. */
  authorization(registry: string): string | undefined {
    const { username, password } = this.credentials(registry) ?? {};
    if (username === undefined || password === undefined || !this.#proxyTakesCredentials()) return undefined;
    const bytes = new TextEncoder().encode(`${username}:${password}`);
    return `Basic ${btoa(String.fromCharCode(...bytes))}`;
  }

  /** The proxy says that it hands them on, and nobody reads them on the way to it. */
  #proxyTakesCredentials(): boolean {
    const { base, passAuthorization } = this.#site;
    if (!passAuthorization || !URL.canParse(base)) return false;
    const { protocol, host } = new URL(base);
    return protocol === "https:" || isLoopback(host);
  }
}
