/**
 * Image references as Docker users write them, `[registry/]repository[:tag][@digest]`. The same grammar as the package's, so
 * that what is typed, or stands in a URL, is answered before anything is asked.
 * @module
 */
import { HUB, registryName } from "./host.ts";

/** The parts of a reference. */
export interface Reference {
  /** Host and port; `docker.io` where none is written. */
  registry: string;
  /** With `library/` where Docker Hub's own images are meant. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_REPOSITORY = 255;
const IMAGE_ID = /^[0-9a-f]{64}$/;
/** What other programs read from disk. */
const ON_DISK = /^(?:docker-archive|dir|containers-storage|ostree|tarball|sif):.*\//;

/** Whether it is a repository's full name (distribution specification, "Pulling manifests"). */
export function isRepository(name: string): boolean {
  return name.length <= MAX_REPOSITORY && PATH.test(name);
}

/** Whether it is a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether it is a digest by SHA-256, the one algorithm of references. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** The parts of a reference; nothing where the text is none. */
export function referenceOf(text: string): Reference | undefined {
  const parsed = parseReference(text.trim());
  return typeof parsed === "string" ? undefined : parsed;
}

/** The parts of a reference, or what is wrong with it, in a sentence. */
export function parseReference(text: string): Reference | string {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const name = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest)) {
    return "A digest is sha256: and 64 hexadecimal digits in lower case.";
  }
  if (IMAGE_ID.test(text)) {
    return "This is a digest without a repository. Write repository@sha256:digest.";
  }
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasHost = /[.:]/.test(first) || first.toLowerCase() === "localhost";
  const registry = hasHost ? registryName(first) : HUB;
  if (registry === undefined || ON_DISK.test(text)) return `“${first}” is no host name.`;
  const rest = hasHost ? name.slice(slash + 1) : name;
  const colon = rest.indexOf(":");
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const path = colon < 0 ? rest : rest.slice(0, colon);
  if (path === "") return "Which repository? Write it like alpine:3 or ghcr.io/owner/app:tag.";
  if (/[A-Z]/.test(path)) return `Repositories are written in lower case: ${path.toLowerCase()}`;
  if (!PATH.test(path)) return `“${path}” is no name of a repository.`;
  if (tag !== undefined && !isTag(tag)) return `“${tag}” is no tag.`;
  const repository = registry === HUB && !path.includes("/") ? `library/${path}` : path;
  if (!isRepository(repository)) return "The repository’s name is longer than 255 characters.";
  return { registry, repository, tag, digest };
}

/** As short as Docker shows it: `alpine:3` for `docker.io/library/alpine:3`. */
export function familiar({ registry, repository, tag, digest }: Reference): string {
  const short = repository.replace(/^library\/(?=[^/]+$)/, "");
  const first = short.split("/", 1)[0] ?? "";
  const readsOtherwise =
    (short.includes("/") && (first.includes(".") || first === "localhost")) || IMAGE_ID.test(short);
  const name = registry === HUB && !readsOtherwise ? short : `${registry}/${repository}`;
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
