/** Answers that are about no image: the page that browses images with its static files, and the text at `/`. @module */
import { IMMUTABLE, PAGE_HEADERS } from "../../../web/page-policy.ts";
import type { Config, RegistryRule } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import { etagOf, precondition, prefersSecond } from "../http/headers.ts";
import type { Assets, Ports } from "../ports.ts";

/** Text at `/`. */
export const HOME = `ocipeek: every file of every container image at a URL

  /<registry>/<repository>[:tag|@digest]/-/<path>   a file; Range, ETag and HEAD as you expect
  /<registry>/<repository>[:tag|@digest]/-/<path>/  a folder; JSON or HTML
      ?recursive&glob=**/*.so   all below it, one JSON object a line
      ?tar                      all below it, as a tar archive
  /<registry>/<repository>[:tag|@digest]/           the image: config, layers, index
  /-/v2/<registry>/<path>                           the registry's API, read only, with CORS

  ?platform=linux/arm64   another platform        ?layer=sha256:…   one layer alone
  ?download               as an attachment

  This page in a browser shows an image's files as if they were on your disk.

  curl https://this.host/docker.io/library/alpine:latest/-/etc/os-release
`;

/** Machines that follow every link would read every image. */
export const ROBOTS = "User-agent: *\nDisallow: /\n";

/** The page itself, among the assets. */
const INDEX = "/index.html";

/** Content types of the page's parts; it has no others. */
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  md: "text/plain; charset=utf-8",
};

/** Whether a caller at `/` wants the page and not the text: a browser. */
export function wantsPage(request: Request): boolean {
  return prefersSecond(request.headers.get("accept"), "text/plain", "text/html");
}

/** The page; nothing where this deployment has none. */
export async function servePage(request: Request, ports: Ports): Promise<Response | undefined> {
  return asset(request, INDEX, ports.assets, "no-cache", { vary: "accept" });
}

/**
 * A part of the page: `/icon.svg`, `/-/www/…`.
 * @throws {@link HttpError} `NOT_FOUND`
 */
export async function servePart(request: Request, path: string, ports: Ports): Promise<Response> {
  const cache = path.startsWith("/-/") ? IMMUTABLE : "public, max-age=86400";
  const answer = await asset(request, path, ports.assets, cache);
  if (!answer) throw new HttpError("NOT_FOUND", "the page has no such part; it may be of another version");
  return answer;
}

/** Configuration of the page, by its host. */
export async function serveSite(request: Request, { config }: Ports): Promise<Response> {
  const body = new TextEncoder().encode(`${JSON.stringify(siteOf(config))}\n`);
  const headers = {
    ...PAGE_HEADERS,
    "content-type": "application/json; charset=utf-8",
    "cache-control": "public, max-age=60",
    etag: await etagOf("site", body),
  };
  return answerOf(request, body, body.length, headers);
}

/** The page's `SiteConfig`. */
function siteOf(config: Config): object {
  const shown = ({ registry, repository }: RegistryRule): string =>
    repository === "**" ? registry : `${registry}/${repository}`;
  return {
    proxy: true,
    registries: [...new Set([...config.registries.map(shown), ...config.insecureRegistries])],
    passAuthorization: config.passAuthorization,
    demo: config.demo,
  };
}

async function asset(
  request: Request,
  path: string,
  assets: Assets | undefined,
  cache: string,
  more: Record<string, string> = {},
): Promise<Response | undefined> {
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)];
  const found = type ? await assets?.get(path) : undefined;
  if (!type || !found) return undefined;
  const headers = {
    ...PAGE_HEADERS,
    ...more,
    "content-type": type,
    "cache-control": cache,
    etag: found.etag,
  };
  return answerOf(request, found.body, found.size, headers);
}

/** The whole, or nothing where the caller has it. */
function answerOf(
  request: Request,
  body: ReadableStream | Uint8Array<ArrayBuffer>,
  size: number | undefined,
  headers: Record<string, string>,
): Response {
  const outcome = precondition(request.headers, headers.etag ?? "", undefined, false);
  if (outcome === 412) throw new HttpError("PRECONDITION_FAILED", "it is not the one of If-Match");
  const isLeft = outcome === 304 || request.method === "HEAD";
  if (isLeft && body instanceof ReadableStream) void body.cancel().catch(() => {});
  const length: Record<string, string> = size === undefined ? {} : { "content-length": String(size) };
  if (outcome === 304) return new Response(null, { status: 304, headers });
  return new Response(isLeft ? null : body, { headers: { ...headers, ...length } });
}

/** Binding of the platform's static assets. */
interface Binding {
  fetch(url: string): Promise<Response>;
}

/** The platform's static assets; nothing where the deployment has none. */
export function platformAssets(binding: unknown): Assets | undefined {
  const { fetch } = (binding ?? {}) as Record<string, unknown>;
  if (typeof fetch !== "function") return undefined;
  return {
    async get(path) {
      const answer = await (binding as Binding).fetch(`https://assets.invalid${path}`);
      const etag = answer.headers.get("etag")?.replace(/^W\//, "");
      if (answer.status !== 200 || !answer.body || !etag) {
        await answer.body?.cancel();
        return undefined;
      }
      return { body: answer.body, size: undefined, etag };
    },
  };
}
