// An internet in memory: hosts that answer, and a record of who was asked for what.
import { createHash } from "node:crypto";
import { open } from "ocipeek";
import { parseConfig } from "../../../worker/src/config/config.ts";
import { createHandler } from "../../../worker/src/handler.ts";
import { createProxy } from "../../../worker/src/proxy/proxy.ts";
import { AccessList } from "../../../worker/src/registry/access.ts";
import { operatorAuth, operatorReads } from "../../../worker/src/registry/credentials.ts";
import { guardedFetch, type PlatformFetch } from "../../../worker/src/registry/guarded-fetch.ts";

export interface Seen {
  method: string;
  url: URL;
  headers: Headers;
  body: string;
}
export type Answer = (seen: Seen) => Response | Promise<Response>;

/** Hosts by origin. What is asked of no host here is recorded in `stray`, and fails as a network does. */
export class Internet {
  readonly seen: Seen[] = [];
  readonly stray: string[] = [];
  readonly #hosts = new Map<string, Answer>();

  on(origin: string, answer: Answer): this {
    this.#hosts.set(origin, answer);
    return this;
  }

  readonly fetch: PlatformFetch = async (text, init) => {
    const url = new URL(text);
    const headers = new Headers(init.headers as HeadersInit);
    const body =
      typeof init.body === "string" ? init.body : new TextDecoder().decode(init.body as Uint8Array);
    const seen = { method: init.method ?? "GET", url, headers, body };
    if (init.redirect !== "manual") throw new Error("redirects must not be followed by the platform");
    const host = this.#hosts.get(url.origin);
    if (!host) {
      this.stray.push(url.href);
      throw new TypeError(`no route to ${url.host}`);
    }
    this.seen.push(seen);
    return host(seen);
  };

  /** `METHOD url` of requests since the last call. */
  lines(): string[] {
    return this.seen.splice(0).map(({ method, url }) => `${method} ${url.href}`);
  }
}

/** The worker over an internet, with the clock at `clock.now`. */
export function worker(internet: Internet, env: Record<string, unknown> = {}) {
  const clock = { now: Date.now() };
  const logs: Record<string, unknown>[] = [];
  const config = parseConfig({ OCIPEEK_REGISTRIES: ["docker.io", "reg.example", "ghcr.io/org/*"], ...env });
  const access = new AccessList(config);
  const now = () => clock.now;
  const auth = operatorAuth(config, internet.fetch, now);
  const fetch = guardedFetch(access, config, internet.fetch);
  const stored = new Map<string, Uint8Array>();
  const { handle } = createHandler({
    config,
    open,
    fetch,
    cache: { get: (key) => stored.get(key), put: (key, value) => void stored.set(key, value) },
    auth,
    isOperators: operatorReads(config),
    checkAllowed: (registry, repository) => void access.check(registry, repository),
    proxy: createProxy({ config, access, auth }),
    now,
    assets: undefined,
    hooks: undefined,
    log: (record) => logs.push(record),
    analytics: undefined,
  });
  // Read to its end, for only then is a request over and its clock stopped.
  const ask = async (request: Request): Promise<Response> => {
    const answer = await handle(request, {}, { waitUntil: () => {} });
    const body = await answer.arrayBuffer();
    const hasBody = answer.body !== null;
    return new Response(hasBody ? body : null, { status: answer.status, headers: answer.headers });
  };
  const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
    ask(new Request(`https://files.example${path}`, { method, headers }));
  /** With the path as it is: `Request` would tidy it up. */
  const raw = (path: string): Promise<Response> => {
    const request = new Request("https://files.example/");
    Object.defineProperty(request, "url", { value: `https://files.example${path}` });
    return ask(request);
  };
  return { get, raw, clock, logs, stored, fetch, access, config };
}

/** An answer of JSON. */
export function json(value: unknown, headers: Record<string, string> = {}, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** A redirect. */
export function redirect(location: string, status = 307): Response {
  return new Response(null, { status, headers: { location } });
}

/** `sha256:…` of bytes. */
export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The stable code in an error's body, after the status. */
export async function codeOf(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { code: string } };
  return `${response.status} ${error.code}`;
}

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export interface SmallImage {
  manifest: string;
  digest: string;
  blobs: Map<string, Uint8Array>;
  layer: string;
}

/** An image of one uncompressed layer with one file. `change` changes the manifest. */
export function smallImage(change: (manifest: Record<string, unknown>) => void = () => {}): SmallImage {
  const tar = tarOf("hello.txt", "hello\n");
  const layer = digestOf(tar);
  const config = new TextEncoder().encode(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [layer] } }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(config),
      size: config.length,
    },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layer, size: tar.length }],
  };
  change(manifest);
  const text = JSON.stringify(manifest);
  const blobs = new Map([
    [layer, tar],
    [digestOf(config), config],
  ]);
  return { manifest: text, digest: digestOf(text), blobs, layer };
}

/** A registry with that image as every repository's `:1`. `before` may answer first. */
export function registryOf(
  image: SmallImage,
  before: (seen: Seen) => Response | undefined = () => undefined,
): Answer {
  return (seen) => {
    const early = before(seen);
    if (early) return early;
    const last = seen.url.pathname.split("/").at(-1) ?? "";
    if (seen.url.pathname.includes("/manifests/") && (last === "1" || last === image.digest)) {
      return new Response(image.manifest, {
        headers: { "content-type": OCI_MANIFEST, "docker-content-digest": image.digest },
      });
    }
    const blob = image.blobs.get(last);
    if (seen.url.pathname.includes("/blobs/") && blob) return ranged(seen, blob);
    return json({ errors: [{ code: "NOT_FOUND", message: "nothing here" }] }, {}, 404);
  };
}

/** Bytes, or the range of them that is asked for. */
export function ranged(seen: Seen, bytes: Uint8Array): Response {
  const match = /^bytes=(\d+)-(\d+)$/.exec(seen.headers.get("range") ?? "");
  const body = (part: Uint8Array) => (seen.method === "HEAD" ? null : Uint8Array.from(part));
  if (!match) return new Response(body(bytes), { headers: { "content-length": String(bytes.length) } });
  const [start, end] = [Number(match[1]), Math.min(Number(match[2]) + 1, bytes.length)];
  return new Response(body(bytes.subarray(start, end)), {
    status: 206,
    headers: {
      "content-range": `bytes ${start}-${end - 1}/${bytes.length}`,
      "content-length": String(end - start),
    },
  });
}

function tarOf(name: string, text: string): Uint8Array {
  const tar = new Uint8Array(512 * 4);
  const put = (at: number, value: string) => tar.set(new TextEncoder().encode(value), at);
  put(0, name);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${text.length.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\u000000");
  const sum = tar.subarray(0, 512).reduce((a, b) => a + b, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  put(512, text);
  return tar;
}
