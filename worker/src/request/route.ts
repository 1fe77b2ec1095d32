/**
 * URLs, read from their raw text: no normalisation that somebody else's parser does decides what is served.
 *
 * - `/<registry>/<repository>[:tag][@digest]/-/<path>`: a file, or a folder with a slash at the end
 * - `/<registry>/<repository>[:tag][@digest]/`: the image
 * - `/-/v2/<registry>/<rest>`: the distribution API. `-` can be neither a registry nor part of a repository.
 * - `/hooks/<name>`: notifications of registries; `hooks` can be no registry's host
 * - `/`, `/healthz`, `/robots.txt`
 * - `/icon.svg`, `/-/config.json`, `/-/www/<name>`: what the page is made of
 * @module
 */

import { hostProblem } from "../../../web/host.ts";
import { parseReference } from "../../../web/reference.ts";
import { PLATFORM } from "../config/settings.ts";
import { HttpError } from "../errors.ts";
import type { ProxyTarget } from "../ports.ts";

/** An image as the URL names it. */
export interface ImageName {
  readonly registry: string;
  /** Canonical: `library/alpine` for Docker Hub's `alpine`. */
  readonly repository: string;
  /** Decides nothing where there is a digest. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Parameters of a query; each is allowed once. */
export interface Params {
  /** `os/arch[/variant]`. */
  readonly platform?: string;
  /** Only this layer, by its digest. */
  readonly layer?: string;
  /** As an attachment. */
  readonly download?: boolean;
  /** Of a folder's listing. */
  readonly format?: "json" | "html";
  /** All below a folder. */
  readonly recursive?: boolean;
  /** Filters `recursive`. */
  readonly glob?: string;
  /** All below a folder, as an archive. */
  readonly tar?: boolean;
}

/** A path in an image. */
export interface TreeRoute {
  readonly kind: "tree";
  readonly image: ImageName;
  /** Raw bytes, without a slash at the start or the end; empty for the root. */
  readonly path: Uint8Array;
  /** Whether the URL ends in a slash: it means a folder. */
  readonly slash: boolean;
  readonly params: Params;
  /** The raw query with its `?`, or empty. */
  readonly query: string;
}

/** Route: the meaning of a URL. */
export type Route =
  | { readonly kind: "home" | "health" | "robots" | "site" }
  /** A part of the page; the path has plain names only. */
  | { readonly kind: "part"; readonly path: string }
  | { readonly kind: "proxy"; readonly target: ProxyTarget }
  | { readonly kind: "hook"; readonly name: string }
  | { readonly kind: "image"; readonly image: ImageName; readonly params: Params }
  | { readonly kind: "redirect"; readonly location: string }
  | TreeRoute;

const MAX_URL = 16_384;
/** Parts of the page: no name begins with a dot. */
const PART = /^\/-\/www\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
/** Characters that may stand in a path as they are (RFC 3986), and `%`. */
const PATH_TEXT = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/;

/**
 * What the URL means.
 * @throws {@link HttpError} `INVALID_URL` or `INVALID_ARGUMENT` with what is wrong; `NOT_FOUND` where nothing is
 */
export function parseRoute(url: string): Route {
  const { path, query } = split(url);
  if (path === "/" || path === "") return { kind: "home" };
  if (path === "/healthz") return { kind: "health" };
  if (path === "/robots.txt") return { kind: "robots" };
  if (path === "/-/config.json") return { kind: "site" };
  if (path.startsWith("/hooks/")) return hookRoute(path, query);
  if (path === "/icon.svg" || PART.test(path)) return { kind: "part", path };
  if (!PATH_TEXT.test(path)) {
    throw invalidUrl("a path holds ASCII only; percent-encode the rest, and backslashes too");
  }
  const segments = path.slice(1).split("/");
  const dash = segments.indexOf("-");
  if (dash === 0) return { kind: "proxy", target: proxyTarget(segments, query) };
  const image = imageName(dash < 0 ? withoutSlash(segments) : segments.slice(0, dash));
  const params = parseParams(query);
  if (dash < 0) {
    const { platform, ...others } = params;
    if (Object.keys(others).length > 0) throw invalid(`an image takes no parameter but platform`);
    if (!path.endsWith("/")) return { kind: "redirect", location: `${path}/${queryText(query)}` };
    return { kind: "image", image, params: platform === undefined ? {} : { platform } };
  }
  const below = segments.slice(dash + 1);
  if (below.length === 0) return { kind: "redirect", location: `${path}/${queryText(query)}` };
  const slash = below.at(-1) === "";
  return { kind: "tree", image, path: decodePath(slash ? below.slice(0, -1) : below), slash, params, query };
}

/** `/ghcr.io/o/app:1`: how a URL names an image. */
export function imageUrl({ registry, repository, tag, digest }: ImageName): string {
  return `/${registry}/${repository}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
}

/** Reference of an image, as the package opens it: {@link imageUrl} without the slash. */
export function imageReference(image: ImageName): string {
  return imageUrl(image).slice(1);
}

/** Path and query of an absolute URL or an origin-form target, as they are written. */
function split(url: string): { path: string; query: string } {
  if (url.length > MAX_URL) {
    throw new HttpError("INVALID_URL", `a URL has ${MAX_URL} characters at most`, { status: 414 });
  }
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]*/i.exec(url);
  const target = (scheme ? url.slice(scheme[0].length) : url).replace(/#.*$/s, "");
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: "" };
  return { path: target.slice(0, mark), query: mark === target.length - 1 ? "" : target.slice(mark) };
}

/** A query written anew, with its `?`; in ASCII whatever it was, so that a header can hold it. */
export function queryText(query: string, without?: string): string {
  const params = new URLSearchParams(query);
  if (without) params.delete(without);
  // `?tar` stays `?tar`.
  const text = params.toString().replace(/=(?=&|$)/g, "");
  return text ? `?${text}` : "";
}

function withoutSlash(segments: string[]): string[] {
  return segments.at(-1) === "" ? segments.slice(0, -1) : segments;
}

function proxyTarget(segments: string[], query: string): ProxyTarget {
  const [, api, registry = "", ...rest] = segments;
  if (api !== "v2" || rest.length === 0) {
    const what = "there is /-/v2/<registry>/…, and what the page is made of; nothing else is below /-/";
    throw new HttpError("NOT_FOUND", what);
  }
  checkRegistry(registry);
  return { registry, rest: rest.join("/"), query };
}

function hookRoute(path: string, query: string): Route {
  // Above all no secret: URLs get into logs.
  if (query) throw invalid("a hook's URL has no parameters; a secret goes into a header");
  return { kind: "hook", name: path.slice("/hooks/".length) };
}

function imageName(segments: string[]): ImageName {
  const [registry = "", ...names] = segments;
  checkRegistry(registry);
  if (names.length === 0) throw new HttpError("NOT_FOUND", "there is nothing at this URL");
  if (names.some((part) => part.includes("%"))) {
    throw invalidUrl("registry, repository, tag and digest are written without percent-encoding");
  }
  const image = parseReference(segments.join("/"));
  if (typeof image === "string") {
    throw invalidUrl(`an image is repository:tag, repository@digest or repository:tag@digest. ${image}`);
  }
  return { ...image, tag: image.tag ?? (image.digest ? undefined : "latest") };
}

function checkRegistry(registry: string): void {
  if (/%/.test(registry)) throw invalidUrl("a registry is written without percent-encoding");
  const problem = hostProblem(registry);
  if (!problem) return;
  // Everybody's /wp-admin/x is not an image with a typing error.
  if (/^[a-z0-9-]+$/.test(registry)) {
    throw new HttpError("NOT_FOUND", `there is nothing at this URL; ${problem}`);
  }
  throw invalidUrl(`registry: ${problem}`);
}

function decodePath(segments: string[]): Uint8Array {
  const bytes: number[] = [];
  for (const [i, segment] of segments.entries()) {
    if (i > 0) bytes.push(0x2f);
    const from = bytes.length;
    decodeSegment(segment, bytes);
    const name = String.fromCharCode(...bytes.slice(from, from + 3));
    if (name === "") throw invalidUrl("a path has no empty part");
    if (name === "." || name === "..") throw invalidUrl("a path has no part that is a dot or two");
  }
  return Uint8Array.from(bytes);
}

function decodeSegment(segment: string, into: number[]): void {
  for (let i = 0; i < segment.length; i++) {
    if (segment[i] !== "%") {
      into.push(segment.charCodeAt(i));
      continue;
    }
    const hex = segment.slice(i + 1, i + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) throw invalidUrl("a % is followed by two hexadecimal digits");
    const byte = Number.parseInt(hex, 16);
    if (byte === 0x2f) throw invalidUrl("a slash in a path is not percent-encoded");
    if (byte === 0) throw invalidUrl("a name has no byte 0");
    into.push(byte);
    i += 2;
  }
}

const FLAG = { form: /^(?:1|true)?$/, must: "takes no value" };
/** The forms of parameters. */
const RULES: Readonly<Record<string, { form: RegExp; must: string }>> = {
  ...{ download: FLAG, recursive: FLAG, tar: FLAG },
  platform: { form: PLATFORM, must: "is os/arch or os/arch/variant" },
  layer: { form: /^sha256:[0-9a-f]{64}$/, must: "is a digest: sha256: and 64 hexadecimal digits" },
  format: { form: /^(?:json|html)$/, must: "is json or html" },
  glob: { form: /^[\s\S]{1,1024}$/, must: "is a pattern of 1 to 1,024 characters" },
};

function parseParams(query: string): Params {
  const params: Record<string, unknown> = Object.create(null);
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in params) throw invalid(`${shown(name)} is given twice`);
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
    if (!rule) throw invalid(`there is no parameter ${shown(name)}`);
    if (!rule.form.test(value)) throw invalid(`${name} ${rule.must}`);
    params[name] = rule === FLAG || value;
  }
  if (params.tar && (params.recursive || params.format)) throw invalid("tar goes with no other form");
  if (params.recursive && params.format) throw invalid("recursive has one format, NDJSON");
  if (params.glob !== undefined && !params.recursive) throw invalid("glob needs recursive");
  return { ...params };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

function invalidUrl(message: string): HttpError {
  return new HttpError("INVALID_URL", message);
}

function invalid(message: string): HttpError {
  return new HttpError("INVALID_ARGUMENT", message);
}
