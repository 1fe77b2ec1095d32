/** Registries: references, credentials, requests. @module */

/** An image reference in its parts, canonical: `alpine` is `library/alpine` of `docker.io`. */
export interface Reference {
  /** The registry's name, with its port where it has one. */
  registry: string;
  /** The repository. */
  repository: string;
  /** Where the registry's API is: `registry-1.docker.io` for Docker Hub, else {@link Reference.registry}. */
  host: string;
  /** Decides nothing where there is a digest. */
  tag?: string;
  digest?: string;
  /** What it was written with: by just that the registry is reached. */
  scheme?: "http" | "https";
}

/** Credentials for one registry. `identityToken` is an OAuth2 refresh token, `registryToken` a Bearer token. */
export interface Credentials {
  username?: string | undefined;
  password?: string | undefined;
  identityToken?: string | undefined;
  registryToken?: string | undefined;
}

/**
 * Credentials, or a function that finds them for a registry host (`ghcr.io`, `localhost:5000`) and a repository of it
 * (`library/alpine`). Where it throws, the request goes on without credentials, and an error says so where some are wanted:
 * an {@link OcipeekError}'s message is told, others may quote a secret and are not.
 */
export type Auth =
  | Credentials
  | ((registry: string, repository: string) => Credentials | undefined | Promise<Credentials | undefined>);

/** Grant: what signs requests to one repository in. */
export interface RegistryGrant {
  /** The registry's `WWW-Authenticate` that it answers. */
  challenge: string;
  /** The value of the header `Authorization`, for this registry and repository only. */
  authorization: string;
  /** When it is renewed, in milliseconds since the Unix epoch; absent where it does not end. */
  renewAt?: number | undefined;
  /** Why credentials that there may be were not used. */
  withheld?: string | undefined;
  /** Whether that is because the token service is at another host, which the option `tokenHosts` may name. */
  isElsewhere?: boolean | undefined;
}

/** One request of a {@link registryFetch}. */
export interface RegistryRequest {
  /** `GET` by default. */
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | undefined;
  /** An `Authorization` among them is left out. */
  headers?: Record<string, string> | undefined;
  body?: Uint8Array<ArrayBuffer> | undefined;
  signal?: AbortSignal | undefined;
  /** `false` where sending it twice could do harm, or the caller goes on another way. */
  retries?: boolean | undefined;
  /** Bytes that the registry has to go through before it can answer: it gets so much longer. */
  work?: number | undefined;
}

/** An answer of a {@link registryFetch}, of any status. Its body is to be read or cancelled. */
export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Where it came from, after redirects. */
  readonly url: string;
  /** Whether that is the registry itself. */
  readonly isHome: boolean;
  /** The seconds of `Retry-After`, which may be a date. */
  readonly retryAfter?: number | undefined;
  /** Where a list goes on: the `Link` whose relation is `next`. It is at the registry. */
  readonly next?: string | undefined;
  /** Where an upload goes on: `Location`, if content may be sent there. */
  readonly location?: string | undefined;
  /** Whether a browser may have hidden headers. */
  readonly isFiltered: boolean;
}

/** Options that an injected `fetch` is called with. */
export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  redirect: "follow" | "manual";
  signal: AbortSignal;
  /** A stream only in Node, of a large body that is written: with its length as a header, and `duplex`. */
  body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  duplex?: "half";
  credentials?: "omit";
  cache?: "no-store";
}

/** Part of a `Response` that is used. */
export interface FetchResponse {
  readonly status: number;
  /** Iterable over `[name, value]`. */
  readonly headers: object;
  /** A `ReadableStream` of bytes. */
  readonly body: object | null;
  readonly url?: string;
  readonly type?: string;
}

/** A `fetch` function, called with an absolute URL. Any platform's own fits. */
export type Fetch = { fetch(url: string, init: FetchInit): Promise<FetchResponse> }["fetch"];
