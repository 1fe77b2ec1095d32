/**
 * Image references as Docker users write them, `[registry/]repository[:tag][@digest]`, and where a registry's API is.
 * The same grammar as the package's, so that what is typed is answered before anything is asked.
 * @module
 */

/** The parts of a reference. */
export interface Reference {
  /** Host and port; `docker.io` where none is written. */
  registry: string;
  /** With `library/` where Docker Hub's own images are meant. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

/** Docker Hub's name in references. */
export const HUB = "docker.io";
const HUB_API = "registry-1.docker.io";

const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const HOST =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::\d{1,5})?$/;

/** The parts of a reference; nothing where the text is none. */
export function referenceOf(text: string): Reference | undefined {
  const parsed = parseReference(text.trim());
  return typeof parsed === "string" ? undefined : parsed;
}

/** The parts of a reference, or what is wrong with it, in a sentence. */
export function parseReference(text: string): Reference | string {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1).toLowerCase();
  const name = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !DIGEST.test(digest)) {
    return "A digest is sha256: and 64 hexadecimal digits.";
  }
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasHost = /[.:]/.test(first) || first.toLowerCase() === "localhost";
  const registry = hasHost ? apiName(first.toLowerCase()) : HUB;
  if (hasHost && !HOST.test(registry)) return `“${first}” is no host name.`;
  const rest = hasHost ? name.slice(slash + 1) : name;
  const colon = rest.indexOf(":");
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const path = colon < 0 ? rest : rest.slice(0, colon);
  if (path === "") return "Which repository? Write it like alpine:3 or ghcr.io/owner/app:tag.";
  if (/[A-Z]/.test(path)) return `Repositories are written in lower case: ${path.toLowerCase()}`;
  if (!PATH.test(path)) return `“${path}” is no name of a repository.`;
  if (tag !== undefined && !TAG.test(tag)) return `“${tag}” is no tag.`;
  if (registry === HUB && !hasHost && /^[0-9a-f]{64}$/.test(path)) {
    return "This is a digest without a repository. Write repository@sha256:digest.";
  }
  const repository = registry === HUB && !path.includes("/") ? `library/${path}` : path;
  if (repository.length > 255) return "The repository’s name is longer than 255 characters.";
  return { registry, repository, tag, digest };
}

/** As short as Docker shows it: `alpine:3` for `docker.io/library/alpine:3`. */
export function familiar({ registry, repository, tag, digest }: Reference): string {
  const short = repository.replace(/^library\/(?=[^/]+$)/, "");
  const first = short.split("/", 1)[0] ?? "";
  const looksLikeHost = short.includes("/") && (first.includes(".") || first === "localhost");
  const name = registry === HUB && !looksLikeHost ? short : `${registry}/${repository}`;
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Names that Docker Hub's hosts have. */
function apiName(host: string): string {
  return /^(?:index\.docker\.io|registry-1\.docker\.io|registry\.hub\.docker\.com)$/.test(host) ? HUB : host;
}

/** Host and optional port that a registry's API is at. */
export function apiHost(registry: string): string {
  return registry === HUB ? HUB_API : registry;
}

/** Whether a host, with or without a port, is this machine: it is spoken to without TLS. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return /^(?:localhost|.+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/.test(name);
}

/** Where a registry's API is: `https://ghcr.io`. */
export function apiOrigin(registry: string): string {
  const host = apiHost(registry);
  return `${isLoopback(host) ? "http" : "https"}://${host}`;
}
