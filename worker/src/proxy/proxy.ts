/**
 * The read-only distribution API for pages of other origins, `/-/v2/<registry>/…`: what large registries answer,
 * with CORS, signed in and redirected here. See the OCI distribution specification.
 * @module
 */
import { type Fetch, OcipeekError, type RegistryAnswer, type RegistryGrant, registryFetch } from "ocipeek";
import { BoundedMap } from "../../../js/common/bounded-map.ts";
import type { Config } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import type { FindAuth, Ports, ProxyTarget, Scope } from "../ports.ts";
import type { AccessList, Registry } from "../registry/access.ts";
import { type ApiPath, formatApiPath, isDigest, parseApiPath } from "../registry/api-path.ts";
import { callerCredentials } from "../registry/credentials.ts";
import { type ApiRequest, discard, manifestAnswer, passedAnswer, pingAnswer } from "./answer.ts";

/** What the proxy is made of. */
export interface ProxyParts {
  readonly config: Config;
  readonly access: AccessList;
  /** The operator's credentials. */
  readonly auth: FindAuth | undefined;
}

/** Repositories whose tokens are kept. */
const MAX_TOKENS = 1000;
const MAX_QUERY = 2048;
/** The media types of manifests, for callers that name none: registries then answer with ancient ones. */
const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The proxy over its parts; what requests share is the tokens of repositories. */
export function createProxy({ config, access, auth }: ProxyParts): Ports["proxy"] {
  // Those of anonymous callers or of the operator's credentials, the same for everybody. Only results are kept, never promises:
  // on the edge's platform one request must not wait for another's.
  const tokens = new BoundedMap<string, RegistryGrant>(MAX_TOKENS);
  return async (request, target, scope) => {
    const registry = access.registry(target.registry);
    if (request.method === "OPTIONS") return scope.sharing.preflight();
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw new HttpError("METHOD_NOT_ALLOWED", "the registry is only read: GET and HEAD", {
        headers: { allow: "GET, HEAD, OPTIONS" },
      });
    }
    // What clients ask first. They need no answer of the registry to it: signing in is done here.
    if (target.rest === "" && target.query === "") return pingAnswer(request.method, scope.sharing);
    const api = understand(registry, target, scope, access);
    const own = scope.authorization;
    const fetch = registryFetch(`${registry.name}/${api.path.repository}`, {
      auth: own === undefined ? auth : callerCredentials(own),
      fetch: told(scope),
      plainHttp: registry.origin.startsWith("http:"),
      httpsOnly: registry.origin.startsWith("https:"),
      tokenHosts: [...config.tokenHosts],
      limits: config.libraryLimits,
      // What the caller's credentials give is kept for nobody.
      ...(own === undefined ? { tokens } : {}),
    });
    const url = `${registry.origin}/v2/${formatApiPath(api.path)}${api.query}`;
    const headers = requestHeaders(request, api);
    const { signal } = scope;
    const method: "GET" | "HEAD" = request.method === "HEAD" ? "HEAD" : "GET";
    // Whether it is asked again is the caller's to decide.
    const sent = { method, signal, retries: false };
    try {
      let answer = await fetch(url, { ...sent, headers });
      if (api.path.kind === "blob" && request.method === "GET" && isEncoded(answer)) {
        // A mere label, most likely, which the platform has undone. As the library asks for bytes as they are stored.
        await discard(answer);
        const asStored = { ...headers, "accept-encoding": "identity, *;q=0" };
        answer = await fetch(url, { ...sent, headers: asStored });
      }
      const context = { config, api, request, fetch, sharing: scope.sharing };
      return api.path.kind === "manifest" && answer.status === 200 && request.method === "GET"
        ? await manifestAnswer(answer, context)
        : await passedAnswer(answer, context);
    } catch (error) {
      throw ofUpstream(error);
    }
  };
}

/** What was thrown, with the words of whoever knows better: the guard's refusal, and whose fault a limit is. */
function ofUpstream(error: unknown): unknown {
  if (!(error instanceof OcipeekError)) return error;
  if (error.cause instanceof HttpError) return error.cause;
  if (error.limit !== "maxRedirects") return error;
  return new HttpError("LIMIT_EXCEEDED", "the registry redirects too often", { status: 502, cause: error });
}

function understand(
  registry: Registry,
  { rest, query }: ProxyTarget,
  scope: Scope,
  access: AccessList,
): ApiRequest {
  const parsed = parseApiPath(rest);
  if (!parsed) throw unknownPath(rest);
  const hub = registry.name === "docker.io" && !parsed.repository.includes("/");
  const path = hub ? { ...parsed, repository: `library/${parsed.repository}` } : parsed;
  access.check(registry.name, path.repository);
  checkQuery(path, query);
  const isPinned = isDigest(path.reference) && path.kind !== "referrers";
  return { registry, path, query, isPrivate: scope.authorization !== undefined, isPinned };
}

/** No path is repaired: what a registry would read otherwise than we do is refused. */
function unknownPath(rest: string): HttpError {
  if (/[^A-Za-z0-9._:/-]|\/\/|(?:^|\/)\.{1,2}(?:\/|$)|^\/|\/$/.test(rest)) {
    const parts = "plain characters and no empty or dotted parts; nothing is percent-encoded";
    return new HttpError("INVALID_URL", `paths of the distribution API have ${parts}`);
  }
  const there = "manifests/<tag or digest>, blobs/<digest>, referrers/<digest> and tags/list";
  return new HttpError("NOT_FOUND", `there are ${there} of a repository`);
}

function checkQuery(path: ApiPath, query: string): void {
  if (query === "") return;
  if (path.kind === "manifest" || path.kind === "blob") {
    throw new HttpError("INVALID_ARGUMENT", "manifests and blobs take no parameters");
  }
  if (query.length > MAX_QUERY || !/^\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*$/.test(query)) {
    throw new HttpError("INVALID_URL", "the query is too long or has odd characters");
  }
}

/** What of the caller's headers the registry sees. */
function requestHeaders({ headers }: Request, { path }: ApiRequest): Record<string, string> {
  const sent: Record<string, string> = { "accept-encoding": "identity", "user-agent": "ocipeek" };
  const pass = (name: string, most: number): void => {
    const value = headers.get(name);
    if (value !== null && value.length <= most && /^[\x20-\x7e]*$/.test(value)) sent[name] = value;
  };
  const accept = headers.get("accept");
  if (accept && accept !== "*/*") pass("accept", 2048);
  if (path.kind === "manifest") sent.accept ||= MANIFEST_TYPES;
  pass("if-none-match", 1024);
  pass("if-modified-since", 1024);
  // One range; several would let a short request ask for a long answer. Without it the whole is as good an answer.
  const range = headers.get("range");
  if (path.kind === "blob" && range !== null && /^bytes=(?:\d{1,16}-\d{0,16}|-\d{1,16})$/.test(range)) {
    sent.range = range;
    pass("if-range", 256);
  }
  return sent;
}

function isEncoded({ status, headers }: RegistryAnswer): boolean {
  const encoding = headers.get("content-encoding")?.trim() ?? "";
  return (status === 200 || status === 206) && encoding !== "" && encoding.toLowerCase() !== "identity";
}

/** The request's fetch, with a name for what the platform says of a network. */
function told({ fetch }: Scope): Fetch {
  return async (url, init) => {
    try {
      return await fetch(url, init);
    } catch (cause) {
      if (cause instanceof HttpError) throw cause;
      throw new HttpError("NETWORK", `no answer from ${new URL(url).host}`, { cause });
    }
  };
}
