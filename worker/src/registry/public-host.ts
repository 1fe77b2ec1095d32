/**
 * URLs that others name (redirects, token services): which of them may be asked at all. Strict: what two parsers
 * could read differently is refused, for what is checked must be what is asked.
 * @module
 */

import { isWithin, parseAddress } from "../../../js/common/address.ts";

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

/** Ranges of which no address is public: private, shared, of documents and benchmarks, and those that carry IPv4 (6to4, Teredo). */
const NOT_PUBLIC = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"],
  ...["203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/16"],
];

/**
 * Whether an address (in the form that name services answer) is a public one: for servers that can look up a host
 * before they connect to it. What is not understood is not public.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text);
  // Of version 6 only global unicast, and none that is one of version 4 within it.
  if (!address || (text.includes(":") && !isWithin(address, "2000::/3"))) return false;
  return !NOT_PUBLIC.some((range) => isWithin(address, range));
}
