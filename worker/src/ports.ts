/** The ports of the handler: what it is given, so that it is a function of request, environment and context. @module */
import type { Auth, Cache, Fetch, open } from "ocipeek";
import type { Config, Env } from "./config/config.ts";
import type { Sharing } from "./http/sharing.ts";

/** Finds credentials for a registry host, as the option `auth` of `open` wants it. */
export type FindAuth = (
  registry: string,
  repository?: string,
) => ReturnType<Extract<Auth, (registry: string, repository: string) => unknown>>;

/** What of the platform's execution context is used. */
export interface Context {
  /** Keeps the request's context alive until the promise settles. */
  waitUntil(promise: Promise<unknown>): void;
  /** The request's target as it was sent, where a `Request` has tidied it up. */
  readonly target?: string;
  /** The caller's address, where it is known. */
  readonly address?: string | undefined;
}

/** Answers a request. Never rejects. */
export type Handle = (request: Request, env: Env, context: Context) => Promise<Response>;

/** A request to the read-only distribution API: `/-/v2/<registry>/<rest>`. */
export interface ProxyTarget {
  /** `ghcr.io`; checked to be a well-formed host, not against the allow list. */
  readonly registry: string;
  /** What follows the registry, raw, without a slash at its start: `library/alpine/manifests/latest`. */
  readonly rest: string;
  /** The raw query with its `?`, or empty. */
  readonly query: string;
}

/** What belongs to one request. */
export interface Scope {
  /** The request's id: `cf-ray`, or random. */
  readonly id: string;
  /** Aborted when the caller leaves, a limit is reached or time is over. */
  readonly signal: AbortSignal;
  /** The guarded fetch, counting requests and bytes against the request's limits. */
  readonly fetch: Fetch;
  /** Who may read the answers. */
  readonly sharing: Sharing;
  /** The caller's Basic `Authorization`, where the configuration lets it pass; it is for this request alone. */
  readonly authorization: string | undefined;
}

/** The page's files. */
export interface Assets {
  /** The file at a path (`/index.html`) with its strong ETag, or nothing. */
  get(path: string): Promise<
    | {
        readonly body: ReadableStream | Uint8Array<ArrayBuffer>;
        /** Bytes, where they are known. */
        readonly size: number | undefined;
        readonly etag: string;
      }
    | undefined
  >;
}

/** Parts that the handler is put together from. */
export interface Ports {
  readonly config: Config;
  /** The package's `open`. */
  readonly open: typeof open;
  /** Bounds the memory of images, with what is called where it runs short. */
  readonly onMemoryPressure?: ((release: () => void) => void) | undefined;
  /** Reaches what the configuration lets it reach, and nothing else; rejects with `HttpError` `HOST_NOT_ALLOWED`. */
  readonly fetch: Fetch;
  /** What all requests share: only what an anonymous caller or the operator's credentials may read gets into it. */
  readonly cache: Cache | undefined;
  /** The operator's credentials by registry. */
  readonly auth: FindAuth | undefined;
  /** Whether the operator has credentials for a registry, and reads it with them. */
  isOperators(registry: string): boolean;
  /** Throws `HttpError` where the `Host` of a request is none of this server's; on the edge the platform sees to that. */
  checkHost?(host: string | null): void;
  /** Throws `HttpError` `REGISTRY_NOT_ALLOWED` unless the list has it. `repository` is canonical (`library/alpine`). */
  checkAllowed(registry: string, repository: string): void;
  /** The distribution API; checks the allow list itself. */
  proxy(request: Request, target: ProxyTarget, scope: Scope): Promise<Response>;
  /** The page's files; a deployment without them answers `/` with text. */
  readonly assets: Assets | undefined;
  /** Notifications of registries; nothing where they are off. */
  readonly hooks: { answer(request: Request, name: string, scope: Scope): Promise<Response> } | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Writes one structured log record. */
  log(record: Record<string, unknown>): void;
  /** The Analytics Engine binding. */
  readonly analytics: Analytics | undefined;
}

/** What of the platform's Analytics Engine binding is used. */
export interface Analytics {
  writeDataPoint(point: { indexes?: string[]; blobs?: string[]; doubles?: number[] }): void;
}
