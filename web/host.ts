/** Registry hosts as URLs and the configuration may write them. @module */

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * What is wrong with `host[:port]`, or nothing. A host is written in one way only: lower-case ASCII labels (punycode
 * for others), no dot at its end, no user, no IPv6 literal. A name has a dot in it or is `localhost`, as in image
 * names; IPv4 addresses pass here, and only the list of insecure registries can make them reachable.
 */
export function hostProblem(host: string): string | undefined {
  const match = /^([^:]*)(?::(\d{1,5}))?$/.exec(host);
  if (!match) return "is not host or host:port";
  const [, name = "", port] = match;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535 || port.startsWith("0"))) {
    return "its port is not one of 1 to 65535";
  }
  if (/[^\x21-\x7e]/.test(name)) return "a host is written in ASCII; use punycode";
  if (/[A-Z]/.test(name)) return "a host is written in lower case";
  if (name.endsWith(".")) return "a host has no dot at its end";
  if (name.length > 253 || !name.split(".").every((label) => LABEL.test(label))) return "is not a host name";
  if (!name.includes(".") && port === undefined && name !== "localhost") {
    return "a registry's host has a dot or a port, or is localhost";
  }
  return undefined;
}
