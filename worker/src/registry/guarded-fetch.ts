/**
 * The `fetch` that all requests to registries go through. Each URL must play one of three parts, whoever named it:
 *
 * - registry: the read-only API of a listed registry, of repositories that are listed;
 * - token service: on the host of a listed registry, its parent domain, a known pair or a configured host;
 * - storage: where a listed registry (or its storage) has redirected to; public https hosts only.
 *
 * Redirects are never followed by the platform. A target is checked when it is named, not only when it is asked.
 *
 * Writing is for the hooks alone: to one repository, and to where its registry takes uploads of it.
 * @module
 */

import type { Fetch, FetchInit, FetchResponse } from "ocipeek";
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import type { Config } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import { nextLink } from "../http/link.ts";
import type { AccessList, Registry } from "./access.ts";
import { parseApiPath } from "./api-path.ts";
import { parseStrict, publicProblem } from "./public-host.ts";

/** The platform's `fetch`, as far as it is used. */
export type PlatformFetch = (url: string, init: RequestInit) => Promise<Response>;

/** A repository that may be written to. */
export interface Writable {
  /** The registry's name. */
  readonly registry: string;
  readonly repository: string;
}

/** What a URL is asked as. */
type Part =
  | { readonly kind: "upload"; readonly registry: Registry }
  | { readonly kind: "registry"; readonly registry: Registry; readonly repository: string | undefined }
  | { readonly kind: "token" }
  | { readonly kind: "storage" };

/** Token services that lie elsewhere than their registry. */
const TOKEN_HOSTS: Readonly<Record<string, string>> = { "registry-1.docker.io": "auth.docker.io" };

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What a registry could take for a path of its API, decoded or not: encoded slashes, dots and percents among it. */
const ODD_PATH = /%(?:2[ef5]|5c)|\/\/|\/_|\/(?:manifests|blobs|referrers|tags)\//i;
/** Origins of storage remembered; more than the large registries have. */
const MAX_ORIGINS = 1000;

/** Methods by which uploads and manifests are written, and the state of an upload is asked for. */
const UPLOADS = new Set(["POST", "PUT", "PATCH", "GET"]);

/**
 * The guarded fetch. It holds no request's state, only which origins registries have named as storage, and where
 * uploads to `writable` go on.
 * It rejects with `HttpError` `HOST_NOT_ALLOWED` or `REGISTRY_NOT_ALLOWED` where it does not ask.
 */
export function guardedFetch(
  access: AccessList,
  config: Pick<Config, "tokenHosts">,
  platform: PlatformFetch = (url, init) => fetch(url, init),
  writable?: Writable,
): Fetch {
  const storage = new BoundedMap<string, true>(MAX_ORIGINS);
  const guard = new Guard(access, config.tokenHosts, storage, writable);
  return async (text, init) => {
    const url = guard.parse(text, "the request");
    const part = guard.partOf(url, init.method);
    const response = await platform(url.href, platformInit(init, part));
    try {
      guard.checkAnswer(url, part, response);
    } catch (error) {
      void response.body?.cancel().catch(() => {});
      throw error;
    }
    return response as FetchResponse;
  };
}

/** What the platform is given: nothing that the caller did not mean to send, and never `follow`. */
function platformInit(init: FetchInit, part: Part): RequestInit {
  const headers = new Headers(init.headers);
  // Whoever asks: storage gets no credentials.
  if (part.kind === "storage") headers.delete("authorization");
  const { method, signal, body, duplex } = init;
  return {
    method,
    headers,
    redirect: "manual",
    signal,
    ...(body ? { body } : {}),
    ...(duplex ? { duplex } : {}),
    // The edge's own cache between us and the registry would keep answers without knowing who may have them.
    ...({ cf: { cacheTtl: -1 } } as object),
  };
}

class Guard {
  readonly #access: AccessList;
  readonly #tokenHosts: ReadonlySet<string>;
  readonly #storage: BoundedMap<string, true>;
  readonly #writable: Writable | undefined;
  /** Where a registry has said that an upload goes on: origin and path. */
  readonly #uploads = new Set<string>();

  constructor(
    access: AccessList,
    tokenHosts: readonly string[],
    storage: BoundedMap<string, true>,
    writable: Writable | undefined,
  ) {
    this.#access = access;
    this.#tokenHosts = new Set(tokenHosts.map((host) => host.toLowerCase()));
    this.#storage = storage;
    this.#writable = writable;
  }

  parse(text: string, what: string): URL {
    const parsed = parseStrict(text);
    if (!parsed.url) throw refused(`${what} names a URL that ${parsed.problem}`);
    return parsed.url;
  }

  /** As what a URL may be asked. */
  partOf(url: URL, method: string): Part {
    const registry = this.#access.at(url.origin);
    if (registry && this.#isUpload(registry, url, method)) return { kind: "upload", registry };
    const found = registry && this.#registryPart(registry, url);
    if (found) {
      if (method !== "GET" && method !== "HEAD" && !this.#isWritten(found, url, method)) {
        throw refused("registries are only read");
      }
      return found;
    }
    if (this.#isTokenHost(url) && (method === "GET" || method === "POST")) return { kind: "token" };
    if (!this.#storage.has(url.origin)) throw refused(`${url.host} is not a host that is asked`);
    if (method !== "GET" && method !== "HEAD") throw refused("storage is only read");
    return { kind: "storage" };
  }

  /** A path of a listed registry's API. What merely looks like one is refused, lest the registry read it as one. */
  #registryPart(registry: Registry, url: URL): Part | undefined {
    if (url.pathname === "/v2/") return { kind: "registry", registry, repository: undefined };
    const api = url.pathname.startsWith("/v2/") ? parseApiPath(url.pathname.slice(4)) : undefined;
    if (api) {
      if (!this.#access.allows(registry, api.repository)) {
        throw new HttpError(
          "REGISTRY_NOT_ALLOWED",
          `the configuration does not list this repository of ${registry.name}`,
        );
      }
      return { kind: "registry", registry, repository: api.repository };
    }
    if (ODD_PATH.test(url.pathname)) {
      throw refused(`${url.host} was to be asked for an odd path`);
    }
    return undefined;
  }

  /** Whether an upload begins or goes on there, to the repository that may be written to, from no other one. */
  #isUpload(registry: Registry, url: URL, method: string): boolean {
    const to = this.#writable;
    if (!to || to.registry !== registry.name || !UPLOADS.has(method)) return false;
    if (!url.searchParams.getAll("from").every((from) => from === to.repository)) return false;
    if (!this.#access.allows(registry, to.repository)) return false;
    if (method === "POST" && url.pathname === `/v2/${to.repository}/blobs/uploads/`) return true;
    return method !== "POST" && this.#uploads.has(url.origin + url.pathname);
  }

  /** Whether a manifest is written there, to the repository that may be written to. */
  #isWritten(part: Part, url: URL, method: string): boolean {
    if (method !== "PUT" || part.kind !== "registry" || !this.#writable) return false;
    const { registry, repository } = this.#writable;
    if (part.registry.name !== registry || part.repository !== repository) return false;
    return parseApiPath(url.pathname.slice(4))?.kind === "manifest";
  }

  #isTokenHost(url: URL): boolean {
    const named = this.#tokenHosts.has(url.host) || this.#tokenHosts.has(`${url.hostname}:443`);
    if (url.protocol === "https:" && named) return true;
    for (const { origin, insecure } of this.#access.registries) {
      const own = new URL(origin);
      if (url.origin === own.origin) return true;
      if (insecure) {
        if (url.hostname === own.hostname) return true;
        continue;
      }
      if (publicProblem(url) !== undefined) continue;
      if (url.hostname === own.hostname || TOKEN_HOSTS[own.hostname] === url.hostname) return true;
      if (url.hostname.includes(".") && own.hostname.endsWith(`.${url.hostname}`)) return true;
    }
    return false;
  }

  /** Checks where an answer leads. */
  checkAnswer(url: URL, part: Part, response: Response): void {
    const { status, headers } = response;
    if (response.type === "opaqueredirect" || response.redirected) {
      throw refused("the platform hides where a redirect leads to");
    }
    const location = REDIRECTS.has(status) ? headers.get("location") : null;
    if (part.kind === "upload") {
      this.#checkUpload(url, headers.get("location"), location !== null);
      return;
    }
    if (location !== null) this.#checkRedirect(url, part, location);
    if (part.kind !== "registry") return;
    const next = nextLink(headers.get("link"));
    if (next !== undefined && this.#resolve(url, next, "a link of").origin !== url.origin) {
      throw refused(`a list of ${url.host} goes on at another host`);
    }
  }

  /** An upload goes on at its registry alone. */
  #checkUpload(from: URL, location: string | null, isRedirect: boolean): void {
    if (location === null) return;
    const to = this.#resolve(from, location, "an upload to");
    if (isRedirect || to.origin !== from.origin) {
      throw refused(`${from.host} wants an upload to go on at ${to.host}`);
    }
    this.#uploads.add(to.origin + to.pathname);
  }

  #checkRedirect(from: URL, part: Part, location: string): void {
    const to = this.#resolve(from, location, "a redirect of");
    if (part.kind === "token") {
      if (!this.#isTokenHost(to)) throw refused(`the token service ${from.host} redirects to ${to.host}`);
      return;
    }
    const registry = this.#access.at(to.origin);
    if (registry) this.#registryPart(registry, to);
    // Nobody leads to private hosts but those to themselves, and registries for development to each other.
    if (to.origin !== from.origin && !(this.#isInsecure(from) && this.#isInsecure(to))) {
      const problem = publicProblem(to);
      if (problem) throw refused(`${from.host} redirects to a URL that ${problem}`);
    }
    this.#storage.set(to.origin, true);
  }

  #isInsecure(url: URL): boolean {
    return this.#access.at(url.origin)?.insecure === true;
  }

  /** A reference of an answer, against its URL. */
  #resolve(base: URL, reference: string, what: string): URL {
    const said = `${what} ${base.host}`;
    if (!/^[\x21-\x7e]+$/.test(reference) || reference.includes("\\")) {
      throw refused(`${said} names a URL that has odd characters`);
    }
    if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return this.parse(reference, said);
    if (reference.startsWith("//")) return this.parse(base.protocol + reference, said);
    if (!URL.canParse(reference, base.href)) throw refused(`${said} names what is not a URL`);
    return new URL(reference, base);
  }
}

function refused(why: string): HttpError {
  return new HttpError("HOST_NOT_ALLOWED", `${why}; refused`);
}
