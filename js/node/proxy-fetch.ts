/** A `fetch` that goes through proxies, and trusts what it is told to. @module */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import tls from "node:tls";
import { invalid, OcipeekError } from "../errors.js";
import type { Fetch, FetchInit } from "../types/index.js";
import { type Env, proxyFor } from "./proxy-rules.js";

/** To open a connection to a proxy and through it. */
const CONNECT_MS = 30_000;
const MAX_REDIRECTS = 20;
const PROXIES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Options of {@link proxyFetch}. */
export interface ProxyFetchOptions {
  /**
   * Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up, also in lower case; this process's environment by
   * default. Loopback is always reached directly.
   */
  env?: Env | undefined;
  /** A file of certificates (PEM) of authorities to be trusted besides the usual ones and `NODE_EXTRA_CA_CERTS`. */
  caFile?: string | undefined;
  /**
   * Accept any certificate. Whoever is on the way may then answer for the registry, and gets its credentials. What digests
   * vouch for stays certain; which digest a tag has does not.
   */
  insecureSkipTlsVerify?: boolean | undefined;
}

/**
 * Makes a `fetch` that honours `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, for `open(reference, { fetch: proxyFetch() })`
 * under Node, Deno and Bun. It speaks HTTP/1.1, sends no cookies and undoes no compression.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { proxyFetch } from "ocipeek/node";
 *
 * const image = await open("ghcr.io/owner/app:1", { fetch: proxyFetch() });
 * console.log(image.layers.length); // 6
 * ```
 *
 * @throws {@link OcipeekError} `INVALID_ARGUMENT` where the file of certificates cannot be read, or what the environment
 * names is no proxy
 */
export function proxyFetch(options: ProxyFetchOptions = {}): Fetch {
  const env = options.env ?? process.env;
  for (const name of PROXIES) if (env[name]?.trim()) parseProxy(env[name].trim(), name);
  const connections = new Connections(options);
  return async (url, init) => {
    let [target, hops, home] = [new URL(url), 0, true];
    for (;;) {
      const response = await connections.send(target, home ? init : withoutCredentials(init), env);
      // Nothing is undone here: who asks so is not to think of it again.
      if (wantsAsIs(init)) response.headers.delete("content-encoding");
      const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
      if (init.redirect === "manual" || location === null) return response;
      await response.body?.cancel();
      if (
        init.redirect !== "follow" ||
        init.body ||
        ++hops > MAX_REDIRECTS ||
        !URL.canParse(location, target.href)
      )
        throw new TypeError("fetch failed: a redirect that is not followed");
      const next = new URL(location, target);
      home &&= next.origin === target.origin;
      target = next;
    }
  };
}

/**
 * {@link proxyFetch} where the environment names a proxy or an option is given; else nothing: the global `fetch` will do.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 * import { proxyFetchIfNeeded } from "ocipeek/node";
 *
 * const fetch = proxyFetchIfNeeded();
 * const image = await open("ghcr.io/owner/app:1", fetch ? { fetch } : {});
 * ```
 */
export function proxyFetchIfNeeded(options: ProxyFetchOptions = {}): Fetch | undefined {
  const { env = process.env, caFile, insecureSkipTlsVerify } = options;
  const isNeeded =
    PROXIES.some((name) => env[name]) || caFile !== undefined || insecureSkipTlsVerify === true;
  return isNeeded ? proxyFetch(options) : undefined;
}

/** Connections, kept for later requests. */
class Connections {
  readonly #tls: tls.SecureContextOptions & {
    rejectUnauthorized?: boolean;
    secureContext?: tls.SecureContext;
  };
  readonly #agents = new Map<string, http.Agent>();

  constructor({ caFile, insecureSkipTlsVerify }: ProxyFetchOptions) {
    this.#tls = {
      ...(caFile === undefined ? {} : { secureContext: trusting(caFile) }),
      ...(insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
    };
  }

  async send(url: URL, init: FetchInit, env: Env): Promise<Response> {
    const { signal, method } = init;
    if (signal?.aborted) throw signal.reason;
    const headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "ocipeek" };
    new Headers(init.headers).forEach((value, name) => {
      headers[name] = value;
    });
    // A stream is taken as it goes out: whoever made it sees by that how far it is.
    const isStream = (init.body as unknown) instanceof ReadableStream;
    const body = isStream ? undefined : await bytesOf(init.body);
    const options: https.RequestOptions = { method, headers, ...(signal ? { signal } : {}) };
    const request = this.#request(url, options, proxyFor(url, env));
    if (isStream) {
      const stream = Readable.fromWeb(init.body as unknown as Parameters<typeof Readable.fromWeb>[0]);
      stream.on("error", (error) => request.destroy(error));
      stream.pipe(request);
    } else request.end(body);
    return new Promise((resolve, reject) => {
      request.on("error", (cause) => {
        reject(signal?.aborted ? signal.reason : new TypeError("fetch failed", { cause }));
      });
      request.on("response", (incoming) => resolve(responseOf(incoming, url, method)));
    });
  }

  #request(url: URL, options: https.RequestOptions, through: string | undefined): http.ClientRequest {
    if (through === undefined) {
      const module = url.protocol === "https:" ? https : http;
      return module.request(url, { ...options, agent: this.#agent(`direct ${url.protocol}`) });
    }
    const proxy = parseProxy(through);
    if (url.protocol === "https:") {
      return https.request(url, { ...options, agent: this.#agent(`tunnel ${proxy.href}`, proxy) });
    }
    const headers = { ...options.headers, host: url.host, ...authorizationOf(proxy) };
    const { host, pathname, search } = url;
    return (proxy.protocol === "https:" ? https : http).request({
      ...options,
      ...placeOf(proxy),
      path: `http://${host}${pathname}${search}`,
      headers,
      agent: this.#agent(`direct ${proxy.protocol}`),
    });
  }

  #agent(name: string, tunnel?: URL): http.Agent {
    const known = this.#agents.get(name);
    if (known) return known;
    const options = { keepAlive: true, ...this.#tls };
    const agent = tunnel
      ? new TunnelAgent(options, tunnel, this.#tls)
      : name.endsWith("https:")
        ? new https.Agent(options)
        : new http.Agent({ keepAlive: true });
    this.#agents.set(name, agent);
    return agent;
  }
}

/** Opens TLS connections inside of a proxy's (RFC 9110 section 9.3.6). */
class TunnelAgent extends https.Agent {
  readonly #proxy: URL;
  readonly #tls: tls.ConnectionOptions;

  constructor(options: https.AgentOptions, proxy: URL, toProxy: tls.ConnectionOptions) {
    super(options);
    this.#proxy = proxy;
    this.#tls = toProxy;
  }

  override createConnection(
    options: https.RequestOptions & tls.ConnectionOptions,
    callback?: (error: Error | null, stream: Socket) => void,
  ): undefined {
    const done = callback as (error: Error | null, stream?: Socket) => void;
    const { host, port } = options;
    const name = `${String(host).includes(":") ? `[${host}]` : host}:${port}`;
    openTunnel(this.#proxy, name, this.#tls).then(
      (socket) => done(null, tls.connect({ ...options, socket })),
      (error: Error) => done(error),
    );
    return undefined;
  }
}

function openTunnel(proxy: URL, target: string, options: tls.ConnectionOptions): Promise<Socket> {
  const shown = proxy.host;
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === "https:" ? https : http).request({
      ...(proxy.protocol === "https:" ? options : {}),
      ...placeOf(proxy),
      method: "CONNECT",
      path: target,
      headers: { host: target, "user-agent": "ocipeek", ...authorizationOf(proxy) },
      agent: false,
      timeout: CONNECT_MS,
    });
    const fail = (why: string, cause?: unknown): void => {
      request.destroy();
      reject(new Error(`the proxy ${shown} ${why}`, cause === undefined ? undefined : { cause }));
    };
    request.on("timeout", () => fail("gives no answer"));
    request.on("error", (cause) => fail("cannot be reached", cause));
    request.on("response", (answer) => fail(`answers ${answer.statusCode} to CONNECT`));
    request.on("connect", (answer, socket, head) => {
      const { statusCode = 0 } = answer;
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        fail(`answers ${statusCode} to CONNECT`);
        return;
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    request.end();
  });
}

/** A proxy's URL. Errors do not quote it: it may hold a password. */
function parseProxy(text: string, variable = "the environment"): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    const why = url ? `is of the kind ${url.protocol}//, which is not known here` : "is no URL";
    throw invalid(`the proxy of ${variable} ${why}; write it as http://HOST:PORT`);
  }
  return url;
}

function placeOf({ protocol, hostname, port }: URL): { host: string; port: number } {
  const usual = protocol === "https:" ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? usual : Number(port) };
}

function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(text).toString("base64")}` };
}

/** The usual authorities, those of `NODE_EXTRA_CA_CERTS`, and those of a file. */
function trusting(file: string): tls.SecureContext {
  const { getCACertificates } = tls as { getCACertificates?: (type: "default") => string[] };
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  // Node 20 does not tell what it trusts by default.
  const usual = getCACertificates?.("default") ?? [
    ...tls.rootCertificates,
    ...(extra ? [readPem(extra)] : []),
  ];
  try {
    return tls.createSecureContext({ ca: [...usual, readPem(file)] });
  } catch (error) {
    if (error instanceof OcipeekError) throw error;
    throw invalid(`the certificates of ${JSON.stringify(file)} cannot be read`);
  }
}

function readPem(file: string): string {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as { code?: string };
    throw invalid(`the file of certificates ${JSON.stringify(file)} cannot be read (${code})`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw invalid(`the file ${JSON.stringify(file)} holds no certificate in PEM`);
  }
  return text;
}

function responseOf(incoming: http.IncomingMessage, url: URL, method: string): Response {
  const headers = new Headers();
  const { rawHeaders, statusCode: status = 0 } = incoming;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    try {
      headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
    } catch {
      // What the web's headers cannot hold, nobody here asks for.
    }
  }
  const empty = method === "HEAD" || [204, 205, 304].includes(status);
  if (empty) incoming.resume();
  const body = empty
    ? null
    : (Readable.toWeb(incoming) as unknown as NonNullable<ConstructorParameters<typeof Response>[0]>);
  const response = new Response(body, { status, headers });
  return Object.defineProperty(response, "url", { value: url.href });
}

async function bytesOf(body: unknown): Promise<Uint8Array | undefined> {
  if (body === undefined || body === null || body instanceof Uint8Array) return body ?? undefined;
  return new Uint8Array(await new Response(body as ConstructorParameters<typeof Response>[0]).arrayBuffer());
}

function withoutCredentials(init: FetchInit): FetchInit {
  const headers = new Headers(init.headers);
  for (const name of ["authorization", "cookie", "proxy-authorization"]) headers.delete(name);
  return { ...init, headers: Object.fromEntries(headers) };
}

/** Whether a request wants nothing but bytes as they are stored: so the library asks once it has met a label. */
export function wantsAsIs(init: Pick<FetchInit, "headers">): boolean {
  return new Headers(init.headers).get("accept-encoding") === "identity, *;q=0";
}
