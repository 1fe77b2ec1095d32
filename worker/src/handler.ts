/** The worker as a function of a request: what a URL means, who answers it, and how failures are told. @module */
import { serveArchive } from "./answers/archive.ts";
import { relay } from "./answers/body.ts";
import { serveFile } from "./answers/file.ts";
import { serveListing, serveRecursive } from "./answers/listing.ts";
import { HOME, ROBOTS, servePage, servePart, serveSite, wantsPage } from "./answers/page.ts";
import { serveSummary } from "./answers/summary.ts";
import { HttpError } from "./errors.ts";
import { prefersSecond, SAFE } from "./http/headers.ts";
import type { Deps, Handle } from "./ports.ts";
import { Images } from "./request/images.ts";
import { record } from "./request/log.ts";
import { withMemory } from "./request/memory.ts";
import { Exchange } from "./request/request-scope.ts";
import { isPinned, pathUrl, type Visit, visit } from "./request/resolved-path.ts";
import { imageUrl, parseRoute, type Route, type TreeRoute } from "./request/route.ts";

/** The handler over its parts. It holds what requests share: open images and what tags named lately. */
export function createHandler(deps: Deps): Handle {
  const images = new Images(deps);
  return async (request, _env, context) => {
    const exchange = new Exchange(request, deps);
    // Keeps the platform from ending us in the middle: what a caller left behind is tidied up.
    context.waitUntil(exchange.ended);
    let route: Route | undefined;
    let status: number | undefined;
    let failure: HttpError | undefined;
    let isOver = false;
    // Written once both are known: how the answer began, and how it ended.
    const told = (): void => {
      if (isOver && status) record(deps, exchange, { method: request.method, route, status }, failure);
    };
    exchange.onEnd((error) => {
      isOver = true;
      failure = error;
      told();
    });
    let response: Response;
    try {
      deps.checkHost?.(request.headers.get("host"));
      route = parseRoute(context.target ?? request.url);
      const registry = registryOf(route);
      if (registry !== undefined) exchange.readsFrom(registry);
      const found = route;
      response = await withMemory(images, exchange, () => dispatch(request, found, exchange, deps, images));
    } catch (thrown) {
      const error = exchange.errorOf(thrown);
      response = errorResponse(request, error, exchange, deps);
      exchange.end(error);
    }
    exchange.headIsKnown();
    response.headers.set("x-request-id", exchange.id);
    status = response.status;
    told();
    return response;
  };
}

/** The registry that a route is about, where it is about one. */
function registryOf(route: Route): string | undefined {
  if (route.kind === "proxy") return route.target.registry;
  return route.kind === "image" || route.kind === "tree" ? route.image.registry : undefined;
}

async function dispatch(
  request: Request,
  route: Route,
  exchange: Exchange,
  deps: Deps,
  images: Images,
): Promise<Response> {
  if (route.kind === "proxy") return proxied(request, route.target, exchange, deps);
  if (route.kind === "hook") return over(exchange, await hook(request, route.name, exchange, deps));
  if (request.method === "OPTIONS") return over(exchange, exchange.sharing.preflight());
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new HttpError("METHOD_NOT_ALLOWED", "this worker reads: GET and HEAD", {
      headers: { allow: "GET, HEAD, OPTIONS" },
    });
  }
  switch (route.kind) {
    case "home":
      return over(exchange, await home(request, exchange, deps));
    case "part":
      return over(exchange, await servePart(request, route.path, deps));
    case "site":
      return over(exchange, await serveSite(request, deps));
    case "robots":
      return over(exchange, plain(request, exchange, ROBOTS, "public, max-age=86400"));
    case "health":
      return over(exchange, plain(request, exchange, "ok\n", "no-store"));
    case "redirect":
      return over(exchange, redirect(exchange, route.location, "public, max-age=3600"));
    case "image":
      return serveSummary(request, route.image, route.params.platform, exchange, images);
    case "tree":
      return tree(await visit(request, route, exchange, deps, images));
  }
}

async function hook(request: Request, name: string, exchange: Exchange, deps: Deps): Promise<Response> {
  if (deps.hooks) return deps.hooks.answer(request, name, exchange);
  throw new HttpError("NOT_FOUND", "there is nothing at this URL; hooks are off");
}

/** The page for browsers, what this is for all others. */
async function home(request: Request, exchange: Exchange, deps: Deps): Promise<Response> {
  const page = wantsPage(request) ? await servePage(request, deps) : undefined;
  return page ?? plain(request, exchange, HOME, "public, max-age=3600", deps.assets ? ["accept"] : []);
}

async function tree(found: Visit): Promise<Response> {
  const { route, stats, exchange } = found;
  if (!stats.isDirectory()) return serveFile(found);
  if (!route.slash) return over(exchange, toFolder(found, route));
  if (route.params.tar) return serveArchive(found);
  return route.params.recursive ? serveRecursive(found) : serveListing(found);
}

function toFolder(found: Visit, route: TreeRoute): Response {
  const { exchange } = found;
  return redirect(
    exchange,
    imageUrl(route.image) + pathUrl(route, true),
    exchange.sharing.cacheControl(isPinned(found)),
    exchange.costHeaders(),
  );
}

async function proxied(
  request: Request,
  target: Extract<Route, { kind: "proxy" }>["target"],
  exchange: Exchange,
  deps: Deps,
): Promise<Response> {
  const response = await deps.proxy(request, target, exchange);
  const { status, headers, body } = response;
  if (!body || request.method === "HEAD") {
    exchange.end();
    return new Response(null, { status, headers: new Headers(headers) });
  }
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  const known = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  return new Response(relay(body, exchange, known), { status, headers: new Headers(headers) });
}

/** The answer, and with it the request is over. */
function over(exchange: Exchange, response: Response): Response {
  exchange.end();
  return response;
}

function plain(
  request: Request,
  { sharing }: Exchange,
  text: string,
  cache: string,
  varies: readonly string[] = [],
): Response {
  const headers = {
    ...SAFE,
    ...sharing.headers(varies),
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(new TextEncoder().encode(text).length),
    "cache-control": cache,
  };
  return new Response(request.method === "HEAD" ? null : text, { headers });
}

function redirect(
  { sharing }: Exchange,
  location: string,
  cache: string,
  more: Record<string, string> = {},
): Response {
  const headers = { ...SAFE, ...sharing.headers(), location, "cache-control": cache, ...more };
  return new Response(null, { status: 301, headers });
}

/** A failure: its stable code, and a sentence a person can act on. */
function errorResponse(request: Request, error: HttpError, exchange: Exchange, deps: Deps): Response {
  const { code, message, status } = error;
  const asText = prefersSecond(request.headers.get("accept"), "application/json", "text/plain");
  const asHtml = prefersSecond(request.headers.get("accept"), "application/json", "text/html");
  const text = asText || asHtml ? `${code}: ${message}\n` : `${JSON.stringify(exchange.errorBody(error))}\n`;
  const headers: Record<string, string> = {
    ...SAFE,
    ...exchange.sharing.headers(["accept"]),
    "content-type": `${asText || asHtml ? "text/plain" : "application/json"}; charset=utf-8`,
    "content-length": String(new TextEncoder().encode(text).length),
    "cache-control": "no-store",
    "x-ocipeek-error": code,
    ...(status === 401 ? { "www-authenticate": challenge(request, deps) } : {}),
    ...exchange.costHeaders(),
    ...error.headers,
  };
  return new Response(request.method === "HEAD" ? null : text, { status, headers });
}

/**
 * A 401 has a challenge. Where credentials are not passed on, none that a browser asks its user for; nor where a script
 * asks, as the page does: it has a form of its own.
 */
function challenge(request: Request, deps: Deps): string {
  const asks = deps.config.passAuthorization && request.headers.get("sec-fetch-dest") !== "empty";
  return asks ? 'Basic realm="registry", charset="UTF-8"' : 'Operator realm="registry"';
}
