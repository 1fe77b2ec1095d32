/**
 * Which proxy a request goes through, by the environment: the rules of Go's `httpproxy`, which skopeo, docker and
 * containerd have. The crate has the same (`native::proxy`); one table of cases is for both:
 * `tests/fixtures/proxies/cases.json`.
 * @module
 */
import { isWithin, parseAddress } from "../common/address.js";
import { isLoopback } from "../common/host.js";

/** The variables of an environment. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL, as its variable has it; nothing where it is reached directly.
 *
 * @example
 * ```js
 * import { proxyFor } from "ocipeek/node";
 *
 * const env = { HTTPS_PROXY: "http://proxy.example:3128", NO_PROXY: ".corp.example" };
 * console.log(proxyFor(new URL("https://ghcr.io/v2/"), env)); // http://proxy.example:3128
 * console.log(proxyFor(new URL("https://images.corp.example/v2/"), env)); // undefined
 * ```
 */
export function proxyFor(url: URL, env: Env): string | undefined {
  const proxy =
    url.protocol === "https:"
      ? env.HTTPS_PROXY || env.https_proxy
      : // In a CGI program, whoever asks sets `HTTP_PROXY` by a header `Proxy`.
        (env.REQUEST_METHOD ? undefined : env.HTTP_PROXY) || env.http_proxy;
  const value = proxy?.trim();
  if (!value || isLoopback(url.hostname) || isExempt(url, env.NO_PROXY || env.no_proxy || ""))
    return undefined;
  return value;
}

/**
 * Whether a list of `NO_PROXY` has a URL's host. Its entries, between commas or spaces: `*` is all; a name is itself and
 * all below it, with a dot or `*.` before it only what is below; an address, a range of them (`10.0.0.0/8`); each of these
 * but ranges with or without a port.
 */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const address = parseAddress(host);
  for (const entry of list.toLowerCase().split(/[\s,]+/)) {
    if (entry === "") continue;
    if (entry === "*") return true;
    if (/^.+\/\d{1,3}$/.test(entry)) {
      if (address && isWithin(address, entry)) return true;
      continue;
    }
    const { name, only } = splitPort(entry);
    if (only !== undefined && only !== port) continue;
    const its = parseAddress(name);
    if (its) {
      if (address && its.bits === address.bits && its.value === address.value) return true;
      continue;
    }
    if (!address && isNamed(host, name)) return true;
  }
  return false;
}

function isNamed(host: string, name: string): boolean {
  const below = name.startsWith("*.") ? name.slice(1) : name;
  if (below.startsWith(".")) return host.endsWith(below) && host.length > below.length;
  return host === below || host.endsWith(`.${below}`);
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare address of version 6. */
function splitPort(entry: string): { name: string; only?: string } {
  const six = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry);
  if (six) return { name: six[1] ?? "", ...(six[2] ? { only: six[2] } : {}) };
  const one = /^([^:]*):(\d+)$/.exec(entry);
  return one ? { name: one[1] ?? "", ...(one[2] ? { only: one[2] } : {}) } : { name: entry };
}
