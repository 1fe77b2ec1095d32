/** Image references, as far as the page must understand them itself; the package checks the rest. @module */

/** An image in a registry. */
export interface Reference {
  /** Host and optional port as references have it; `docker.io` for Docker Hub. */
  registry: string;
  /** `library/alpine`, `org/app`. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

/** Docker Hub's name in references, and the host of its API. */
const HUB = { name: "docker.io", aliases: ["index.docker.io", "registry-1.docker.io"] };
const HUB_API = "registry-1.docker.io";

/** Parses `[registry/]repository[:tag][@digest]`; nothing where it has another form. */
export function parseReference(text: string): Reference | undefined {
  const match = /^([^@]+?)(?::([A-Za-z0-9_][\w.-]{0,127}))?(?:@([a-z0-9]+:[0-9a-f]{32,128}))?$/.exec(
    text.trim(),
  );
  const [, name = "", tag, digest] = match ?? [];
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash).toLowerCase();
  // As Docker tells a host from a namespace.
  const isHost = first === "localhost" || /[.:]/.test(first);
  const host = isHost ? first : HUB.name;
  const registry = HUB.aliases.includes(host) ? HUB.name : host;
  const path = isHost ? name.slice(slash + 1) : name;
  if (!/^[a-z0-9]+(?:(?:[._-]+|\/)[a-z0-9]+)*$/.test(path)) return undefined;
  const repository = registry === HUB.name && !path.includes("/") ? `library/${path}` : path;
  return { registry, repository, tag, digest };
}

/** Host and optional port that a registry's API is at. */
export function apiHost(registry: string): string {
  return registry === HUB.name ? HUB_API : registry;
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
