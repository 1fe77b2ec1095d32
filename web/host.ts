/**
 * Registry hosts, `host[:port]`, and where a registry's API is. With `reference.ts` the one place that reads them without
 * the wasm module; both are held equal to it by `tests/fixtures/names.json`.
 * @module
 */

/** Docker Hub's name in references. */
export const HUB = "docker.io";
const HUB_API = "registry-1.docker.io";
/** Names that Docker Hub's hosts have. */
const HUB_HOSTS = new Set(["index.docker.io", HUB_API, "registry.hub.docker.com"]);

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const LONGEST = 253;

/** Host and port; the host of an IPv6 address is in brackets. */
interface Parts {
  readonly host: string;
  readonly port: string | undefined;
}

function partsOf(text: string): Parts | undefined {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(text);
  return match ? { host: match[1] ?? "", port: match[2] } : undefined;
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** An address in brackets in its one form; nothing for what is none. */
function addressOf(host: string): string | undefined {
  if (!/^\[[0-9a-f:]+\]$/.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
  return new URL(`http://${host}/`).hostname;
}

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

/**
 * Whether a host, with or without a port, is this machine whatever the name service says: `localhost`, `*.localhost`
 * (RFC 6761), `127.0.0.0/8`, `[::1]`. Only dotted quads are IPv4 addresses.
 */
export function isLoopback(text: string): boolean {
  // A bare IPv6 address has more than one colon.
  const isBare = !text.startsWith("[") && text.split(":").length > 2;
  const { host, port } = partsOf((isBare ? `[${text}]` : text).toLowerCase()) ?? { host: "", port: "" };
  if (port !== undefined && !isPort(port)) return false;
  if (host.startsWith("[")) return addressOf(host) === "[::1]";
  const name = host.replace(/\.$/, "");
  if (!DOMAIN.test(name)) return false;
  const byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  return (
    name === "localhost" || name.endsWith(".localhost") || new RegExp(`^127(?:\\.${byte}){3}$`).test(name)
  );
}

/** Where a registry's API is: `https://ghcr.io`. */
export function apiOrigin(registry: string): string {
  const host = apiHost(registry);
  return `${isLoopback(host) ? "http" : "https"}://${host}`;
}
