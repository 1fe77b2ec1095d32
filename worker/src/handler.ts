/** The worker as a function of a request: what a URL means, who answers it, and how failures are told. @module */
import { serveArchive } from "./answers/archive.ts";
import { relay } from "./answers/body.ts";
import { serveFile } from "./answers/file.ts";
import { KeptFiles } from "./answers/kept-files.ts";
import { serveListing, serveRecursive } from "./answers/listing.ts";
import { HOME, ROBOTS, servePage, servePart, serveSite, wantsPage } from "./answers/page.ts";
import { serveSummary } from "./answers/summary.ts";
import { type Asked, fewHeaders, type PlainAnswer, responseOf, warmAnswer } from "./answers/warm.ts";
import { HttpError } from "./errors.ts";
import { wholeAnswer } from "./http/answer.ts";
import { prefersSecond, SAFE } from "./http/headers.ts";
import type { Context, Handle, Ports } from "./ports.ts";
import { Images } from "./request/images.ts";
import { record } from "./request/log.ts";
import { withMemory } from "./request/memory.ts";
import { RequestScope } from "./request/request-scope.ts";
import { isPinned, pathUrl, type ResolvedPath, resolvePath } from "./request/resolved-path.ts";
import { imageUrl, parseRoute, type Route, type TreeRoute } from "./request/route.ts";
import { StalledAnswers } from "./request/stall.ts";

/** How requests are answered. */
export interface Handler {
  /** Any request. */
  readonly handle: Handle;
  /** Where what is kept is enough for the answer: at once, and without the platform's objects. */
  warm(asked: Asked): PlainAnswer | undefined;
}

/** What requests share: open images, what tags named lately, and files that were answered. */
interface Shared {
  readonly ports: Ports;
  readonly images: Images;
  readonly kept: KeptFiles;
  readonly stalled: StalledAnswers;
}

/** The handler over its parts. It holds what requests share. */
export function createHandler(ports: Ports): Handler {
  const images = new Images(ports);
  const kept = new KeptFiles(ports.config.cache.answerBytes);
  const shared: Shared = { ports, images, kept, stalled: new StalledAnswers() };
  const warm = (asked: Asked): PlainAnswer | undefined => {
    try {
      ports.checkHost?.(asked.headers.get("host"));
    } catch {
      // Told to the caller by the longer way.
      return undefined;
    }
    return warmAnswer(asked, ports, kept, images.tags);
  };
  const handle: Handle = async (request, _env, context) => {
    const target = context.target ?? request.url;
    const plain = warm({ method: request.method, target, headers: fewHeaders(request.headers) });
    return plain ? responseOf(plain) : answer(request, target, context, shared);
  };
  return { handle, warm };
}

/** The answer to any request. */
async function answer(request: Request, target: string, context: Context, shared: Shared): Promise<Response> {
  const { ports, images, stalled } = shared;
  const scope = new RequestScope(request, ports, { address: context.address, stalled });
  // Keeps the platform from ending us in the middle: what a caller left behind is tidied up.
  context.waitUntil(scope.ended);
  let route: Route | undefined;
  let status: number | undefined;
  let failure: HttpError | undefined;
  let isOver = false;
  // Written once both are known: how the answer began, and how it ended.
  const told = (): void => {
    if (isOver && status) record(ports, scope, { method: request.method, route, status }, failure);
  };
  scope.onEnd((error) => {
    isOver = true;
    failure = error;
    told();
  });
  let response: Response;
  try {
    ports.checkHost?.(request.headers.get("host"));
    route = parseRoute(target);
    const registry = registryOf(route);
    if (registry !== undefined) scope.readsFrom(registry);
    const found = route;
    response = await withMemory(images, scope, () => dispatch({ request, target, scope }, found, shared));
  } catch (thrown) {
    const error = scope.errorOf(thrown);
    response = errorResponse(request, error, scope, ports);
    scope.end(error);
  }
  scope.headIsKnown();
  response.headers.set("x-request-id", scope.id);
  status = response.status;
  told();
  return response;
}

/** The registry that a route is about, where it is about one. */
function registryOf(route: Route): string | undefined {
  if (route.kind === "proxy") return route.target.registry;
  return route.kind === "image" || route.kind === "tree" ? route.image.registry : undefined;
}

async function dispatch(
  { request, target, scope }: Pick<ResolvedPath, "request" | "target" | "scope">,
  route: Route,
  { ports, images, kept }: Shared,
): Promise<Response> {
  if (route.kind === "proxy") return proxied(request, route.target, scope, ports);
  if (route.kind === "hook") return over(scope, await hook(request, route.name, scope, ports));
  if (request.method === "OPTIONS") return over(scope, scope.sharing.preflight());
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new HttpError("METHOD_NOT_ALLOWED", "this worker reads: GET and HEAD", {
      headers: { allow: "GET, HEAD, OPTIONS" },
    });
  }
  switch (route.kind) {
    case "home":
      return over(scope, await home(request, scope, ports));
    case "part":
      return over(scope, await servePart(request, route.path, ports));
    case "site":
      return over(scope, await serveSite(request, ports));
    case "robots":
      return over(scope, plain(request, scope, ROBOTS, "public, max-age=86400"));
    case "health":
      return over(scope, plain(request, scope, "ok\n", "no-store"));
    case "redirect":
      return over(scope, redirect(scope, route.location, "public, max-age=3600"));
    case "image":
      return serveSummary(request, route.image, route.params.platform, scope, images);
    case "tree":
      return tree(await resolvePath({ request, target, route, scope }, ports, images), kept);
  }
}

async function hook(request: Request, name: string, scope: RequestScope, ports: Ports): Promise<Response> {
  if (ports.hooks) return ports.hooks.answer(request, name, scope);
  throw new HttpError("NOT_FOUND", "there is nothing at this URL; hooks are off");
}

/** The page for browsers, what this is for all others. */
async function home(request: Request, scope: RequestScope, ports: Ports): Promise<Response> {
  const page = wantsPage(request) ? await servePage(request, ports) : undefined;
  return page ?? plain(request, scope, HOME, "public, max-age=3600", ports.assets ? ["accept"] : []);
}

async function tree(found: ResolvedPath, kept: KeptFiles): Promise<Response> {
  const { route, stats, scope } = found;
  if (!stats.isDirectory()) return serveFile(found, kept);
  if (!route.slash) return over(scope, toFolder(found, route));
  if (route.params.tar) return serveArchive(found);
  return route.params.recursive ? serveRecursive(found) : serveListing(found);
}

function toFolder(found: ResolvedPath, route: TreeRoute): Response {
  const { scope } = found;
  const location = imageUrl(route.image) + pathUrl(route, true);
  return redirect(scope, location, scope.sharing.cacheControl(isPinned(found)), scope.costHeaders());
}

async function proxied(
  request: Request,
  target: Extract<Route, { kind: "proxy" }>["target"],
  scope: RequestScope,
  ports: Ports,
): Promise<Response> {
  const response = await ports.proxy(request, target, scope);
  const { status, headers, body } = response;
  if (!body || request.method === "HEAD") {
    scope.end();
    return new Response(null, { status, headers: new Headers(headers) });
  }
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  const known = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  return new Response(relay(body, scope, known), { status, headers: new Headers(headers) });
}

/** The answer, and with it the request is over. */
function over(scope: RequestScope, response: Response): Response {
  scope.end();
  return response;
}

function plain(
  request: Request,
  { sharing }: RequestScope,
  text: string,
  cache: string,
  varies: readonly string[] = [],
): Response {
  const headers = {
    ...SAFE,
    ...sharing.headers(varies),
    "content-type": "text/plain; charset=utf-8",
    "cache-control": cache,
  };
  return wholeAnswer(request, text, headers);
}

function redirect(
  { sharing }: RequestScope,
  location: string,
  cache: string,
  more: Record<string, string> = {},
): Response {
  const headers = { ...SAFE, ...sharing.headers(), location, "cache-control": cache, ...more };
  return new Response(null, { status: 301, headers });
}

/** A failure: its stable code, and a sentence a person can act on. */
function errorResponse(request: Request, error: HttpError, scope: RequestScope, ports: Ports): Response {
  const { code, message, status } = error;
  const accept = request.headers.get("accept");
  const isText = ["text/plain", "text/html"].some((type) => prefersSecond(accept, "application/json", type));
  const text = isText ? `${code}: ${message}\n` : `${JSON.stringify(scope.errorBody(error))}\n`;
  const headers: Record<string, string> = {
    ...SAFE,
    ...scope.sharing.headers(["accept"]),
    "content-type": `${isText ? "text/plain" : "application/json"}; charset=utf-8`,
    "cache-control": "no-store",
    "x-ocipeek-error": code,
    ...(status === 401 ? { "www-authenticate": challenge(request, ports) } : {}),
    ...scope.costHeaders(),
    ...error.headers,
  };
  return wholeAnswer(request, text, headers, status);
}

/**
 * A 401 has a challenge. Where credentials are not passed on, none that a browser asks its user for; nor where a script
 * asks, as the page does: it has a form of its own.
 */
function challenge(request: Request, ports: Ports): string {
  const asks = ports.config.passAuthorization && request.headers.get("sec-fetch-dest") !== "empty";
  return asks ? 'Basic realm="registry", charset="UTF-8"' : 'Operator realm="registry"';
}
