/** Hosts as URLs and references write them: what can be said of their text alone. @module */

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
/** A DNS name. */
export const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** Host and port; the host of an IPv6 address is in brackets. */
export interface Parts {
  readonly host: string;
  readonly port: string | undefined;
}

/** Host and port of `host[:port]`. */
export function partsOf(text: string): Parts | undefined {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(text);
  return match ? { host: match[1] ?? "", port: match[2] } : undefined;
}

/** A port in its one form. */
export function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** An IPv6 address in brackets in its one form; nothing for what is none. */
export function addressOf(host: string): string | undefined {
  if (!/^\[[0-9a-f:]+\]$/.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
  return new URL(`http://${host}/`).hostname;
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
