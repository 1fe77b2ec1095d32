/** `http` or `https`: what a reference forces, and what a registry on this machine speaks. @module */
import { BoundedMap } from "../common/bounded-map.js";
import type { Fetch } from "../types/index.js";

/** A reference, without the scheme that it was written with. */
export interface Schemed {
  reference: string;
  scheme?: "http" | "https";
}

/**
 * Splits `https://HOST/REPOSITORY:TAG` or `…@DIGEST`: a reference whose registry is reached by this scheme. A URL without
 * tag and digest at its end is no reference but a layout's, which names its images by `#TAG`.
 */
export function splitScheme(text: string): Schemed {
  const match =
    /^(https?):\/\/([^/?#\s]+\/(?:[^?#\s]*[^/?#\s])?(?::[\w][\w.-]*|@[a-z0-9]+:[0-9a-f]{32,}))$/i.exec(text);
  if (!match?.[1] || !match[2]) return { reference: text };
  return { reference: match[2], scheme: match[1].toLowerCase() === "https" ? "https" : "http" };
}

/** What the library is told so that it uses the scheme. */
export function schemeOptions(scheme: "http" | "https" | undefined): {
  plainHttp?: boolean;
  httpsOnly?: boolean;
} {
  if (scheme === undefined) return {};
  return scheme === "http" ? { plainHttp: true } : { httpsOnly: true };
}

/** So long a registry on this machine has to answer: what waits for a line of text may wait for ever. */
const ASKED_MS = 3000;
const MAX_KNOWN = 64;
/** Whether hosts of this machine speak TLS. */
const known = new BoundedMap<string, boolean>(MAX_KNOWN);

/**
 * The scheme of a registry, for requests that the wasm module does not make; the rule is the same there: `https`, but on
 * this machine what it speaks, https first. Asked without credentials, and once where there was an answer.
 */
export async function schemeOf(host: string, fetch: Fetch, signal?: AbortSignal): Promise<"http" | "https"> {
  if (!isLoopback(host)) return "https";
  let https = known.get(host);
  if (https === undefined) {
    https = await asksTls(host, fetch, signal);
    if (https) known.set(host, true);
  }
  return https ? "https" : "http";
}

/** A registry on this machine answered without TLS. What says that it wants TLS after all is asked again. */
export function answeredPlainly(host: string, status: number): void {
  if (isLoopback(host) && status !== 400) known.set(host, false);
}

async function asksTls(host: string, fetch: Fetch, signal: AbortSignal | undefined): Promise<boolean> {
  const late = AbortSignal.timeout(ASKED_MS);
  try {
    const answer = await fetch(`https://${host}/v2/`, {
      method: "GET",
      headers: {},
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    await (answer.body as ReadableStream | null)?.cancel().catch(() => {});
    return true;
  } catch (error) {
    // One that is not trusted is not tried without TLS.
    return /certificate/i.test(textOf(error));
  }
}

/** What an exception says, with its causes. */
function textOf(error: unknown): string {
  const parts: string[] = [];
  for (let next = error, i = 0; next && i < 4; i++) {
    const { message, code, cause } = next as { message?: unknown; code?: unknown; cause?: unknown };
    parts.push(`${message ?? ""} ${code ?? ""}`);
    next = cause;
  }
  return parts.join(" ");
}

/** Whether a host, with or without a port, is this machine by its name alone; see the crate's `oci::is_loopback`. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name === "[::1]" || name.endsWith(".localhost")) return true;
  return /^127(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(name);
}
