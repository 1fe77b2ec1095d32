/**
 * Registry hosts, `host[:port]`, and where a registry's API is. With `reference.ts` the one place that reads them without
 * the wasm module; both are held equal to it by `tests/fixtures/names.json`.
 * @module
 */
import { addressOf, DOMAIN, isLoopback, isPort, partsOf } from "../js/common/host.ts";

export { isLoopback };

/** Docker Hub's name in references. */
export const HUB = "docker.io";
const HUB_API = "registry-1.docker.io";
/** Names that Docker Hub's hosts have. */
const HUB_HOSTS = new Set(["index.docker.io", HUB_API, "registry.hub.docker.com"]);

const LONGEST = 253;

/** The name of a registry as references have it; nothing where the text is no host. */
export function registryName(text: string): string | undefined {
  const name = text.toLowerCase();
  const { host, port } = partsOf(name) ?? { host: "", port: undefined };
  const isHost = (DOMAIN.test(host) && host.length <= LONGEST) || addressOf(host) !== undefined;
  // Upper-case letters of other scripts may have ASCII ones below them.
  if (!isHost || /[^\x21-\x7e]/.test(text) || (port !== undefined && !isPort(port))) return undefined;
  return HUB_HOSTS.has(name) ? HUB : name;
}

/**
 * What is wrong with a host in the worker's URLs and configuration, or nothing. There a host is written in one way only:
 * lower-case ASCII labels (punycode for others), no dot at its end, no user, no IPv6 literal. A name has a dot in it or is
 * `localhost`, as in image names; IPv4 addresses pass here, and only the list of insecure registries can make them
 * reachable.
 */
export function hostProblem(text: string): string | undefined {
  const { host, port } = /^(?<host>[^:]*)(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {};
  if (host === undefined) return "is not host or host:port";
  if (port !== undefined && !isPort(port)) return "its port is not one of 1 to 65535";
  if (/[^\x21-\x7e]/.test(host)) return "a host is written in ASCII; use punycode";
  if (/[A-Z]/.test(host)) return "a host is written in lower case";
  if (host.endsWith(".")) return "a host has no dot at its end";
  const name = registryName(text);
  if (name === undefined || host.split(".").some((label) => label.length > 63)) return "is not a host name";
  if (!host.includes(".") && port === undefined && host !== "localhost") {
    return "a registry's host has a dot or a port, or is localhost";
  }
  return name === text ? undefined : `Docker Hub is written ${HUB}`;
}

/** Host and optional port that a registry's API is at. */
export function apiHost(registry: string): string {
  return registry === HUB ? HUB_API : registry;
}

/** Where a registry's API is: `https://ghcr.io`. */
export function apiOrigin(registry: string): string {
  const host = apiHost(registry);
  return `${isLoopback(host) ? "http" : "https"}://${host}`;
}
