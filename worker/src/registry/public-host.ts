/**
 * URLs that others name (redirects, token services): which of them may be asked at all. Strict: what two parsers
 * could read differently is refused, for what is checked must be what is asked.
 * @module
 */

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Names that are never public, or that lead to private addresses by design (RFC 6761, 6762, 7686, 8375, 9476): those set
 * aside, those that clusters, containers, meshes and routers give to their own, and services that answer with the address in
 * the name.
 */
const PRIVATE_SUFFIXES = (
  "localhost local localdomain internal intranet private priv intra corp home lan lcl domain workgroup " +
  "router gateway mail vpn svc cluster kube k8s consul nomad vault mesh mesos marathon rancher docker " +
  "containers podman incus lxd libvirt vagrant ts.net beta.tailscale.net home.arpa in-addr.arpa " +
  "ip6.arpa test invalid onion alt nip.io sslip.io xip.io localtest.me lvh.me lacolhost.com localho.st " +
  "traefik.me vcap.me metadata.goog"
).split(" ");

/** An absolute URL, or why it cannot be one that is asked. Neither part is shown: it may hold a signature. */
export type Parsed = { readonly url: URL } | { readonly url?: never; readonly problem: string };

/** Parses an absolute `http` or `https` URL that is written in the one plain way. */
export function parseStrict(text: string): Parsed {
  if (!/^[\x21-\x7e]+$/.test(text) || text.length > 16_384) return { problem: "has odd characters" };
  const match = /^(https?):\/\/([^/?#]*)([/?#].*)?$/i.exec(text);
  if (!match) return { problem: "is not an absolute http(s) URL" };
  const [, scheme = "", authority = ""] = match;
  if (authority.includes("@")) return { problem: "has a user name" };
  if (text.includes("\\")) return { problem: "has a backslash" };
  if (!URL.canParse(text)) return { problem: "is not a URL" };
  const url = new URL(text);
  // Decimal, octal and short addresses, percent-encoding, a port of its own with zeros: all change in parsing.
  const usual = scheme.toLowerCase() === "https" ? ":443" : ":80";
  const plain = authority.toLowerCase();
  if (url.host !== (plain.endsWith(usual) ? plain.slice(0, -usual.length) : plain)) {
    return { problem: "does not write its host in the plain way" };
  }
  return { url };
}

/** Whether a host in a URL's canonical form is an IP address. */
export function isAddress(host: string): boolean {
  // The URL standard reads as IPv4 whatever ends in a number.
  return host.startsWith("[") || /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(host);
}

/** Why a URL (out of {@link parseStrict}) is not one of a public server, or nothing. */
export function publicProblem(url: URL): string | undefined {
  if (url.protocol !== "https:") return "is not https";
  if (url.port !== "") return "has a port of its own";
  const host = url.hostname;
  if (isAddress(host)) return "is an IP address";
  const labels = host.split(".");
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return "has no plain host name";
  if (labels.length < 2) return "has a host name without a domain";
  if (PRIVATE_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`))) {
    return "has a private host name";
  }
  return undefined;
}

/**
 * Whether an address (in the form that name services answer) is a public one: for servers that can look up a host
 * before they connect to it. What is not understood is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (address.includes(":")) return isPublicV6(address);
  const parts = address.split(".");
  const [a = 0, b = 0, c = 0] = parts.map(Number);
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return false;
  }
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100 && b >= 64 && b < 128) return false;
  if ((a === 169 && b === 254) || (a === 172 && b >= 16 && b < 32)) return false;
  if (a === 192 && (b === 168 || (b === 0 && (c === 0 || c === 2)) || (b === 88 && c === 99))) return false;
  if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return false;
  return !(a === 203 && b === 0 && c === 113);
}

/** Global unicast (2000::/3) without what documents, benchmarks or carries IPv4 (6to4, Teredo). */
function isPublicV6(address: string): boolean {
  if (!URL.canParse(`http://[${address}]/`)) return false;
  const [first = "0", second = "0"] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(":");
  const [high, low] = [Number.parseInt(first || "0", 16), Number.parseInt(second || "0", 16)];
  if (high < 0x2000 || high > 0x3fff || high === 0x2002 || high === 0x3ffe || high === 0x3fff) return false;
  return !(high === 0x2001 && (low < 0x200 || low === 0xdb8));
}
