/**
 * Which proxy a request goes through, by the environment: the rules of Go's `httpproxy`, which skopeo, docker and
 * containerd have. The crate has the same (`native::proxy`); one table of cases is for both:
 * `tests/fixtures/proxies/cases.json`.
 * @module
 */
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
    const range = /^(.+)\/(\d{1,3})$/.exec(entry);
    if (range?.[1] && range[2]) {
      if (address && isWithin(address, range[1], Number(range[2]))) return true;
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

interface Address {
  value: bigint;
  /** Of an address of version 4 or 6. */
  bits: 32 | 128;
}

function isWithin(address: Address, base: string, length: number): boolean {
  const of = parseAddress(base);
  if (!of || of.bits !== address.bits || length > of.bits) return false;
  const rest = BigInt(of.bits - length);
  return address.value >> rest === of.value >> rest;
}

/** An address as it is written in full; one of version 4 within version 6 is one of version 4. */
function parseAddress(text: string): Address | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (four) {
    const parts = four.slice(1).map(Number);
    if (!parts.every((part, i) => part < 256 && String(part) === four[i + 1])) return undefined;
    return { value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n), bits: 32 };
  }
  if (!text.includes(":") || !URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const words = (part: string | undefined): string[] => (part ? part.split(":") : []);
  const [before, after] = [words(head), words(tail)];
  const zeros = Array<string>(Math.max(8 - before.length - after.length, 0)).fill("0");
  const value = [...before, ...zeros, ...after].reduce(
    (sum, word) => (sum << 16n) | BigInt(Number.parseInt(word, 16)),
    0n,
  );
  if (value >> 32n === 0xffffn) return { value: value & 0xffffffffn, bits: 32 };
  return { value, bits: 128 };
}
