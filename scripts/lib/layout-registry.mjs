// A small read-only registry over one OCI image layout: the pull side of the distribution
// specification, honest about ranges and digests. For `npm start` and the tests; loopback only.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { closeServer, listen } from "./servers.mjs";

const REF_NAME = "org.opencontainers.image.ref.name";
const REFERRERS_PAGE = 100;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MANIFEST_TYPES = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);

/** Reads a layout: its tags, and every manifest that can be reached from its index.json. */
export function readLayout(dir) {
  const index = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
  const tags = new Map();
  const manifests = new Map();
  const add = (descriptor) => {
    const { digest, mediaType } = descriptor;
    if (!MANIFEST_TYPES.has(mediaType) || manifests.has(digest)) return;
    const path = blobPath(dir, digest);
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    const actual = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (actual !== digest) throw new Error(`${path} holds ${actual}`);
    const json = JSON.parse(bytes.toString());
    manifests.set(digest, { digest, mediaType, bytes, json });
    for (const child of json.manifests ?? []) add(child);
  };
  for (const descriptor of index.manifests) {
    add(descriptor);
    const tag = descriptor.annotations?.[REF_NAME];
    if (tag) tags.set(tag, descriptor.digest);
  }
  return { dir, tags, manifests };
}

function blobPath(dir, digest) {
  return join(dir, "blobs", "sha256", digest.slice("sha256:".length));
}

/** One range of `bytes=a-b`, `a-` or `-n`: its bounds, `null` to ignore the header, `"416"` when it cannot be met. */
export function parseRange(header, size) {
  const m = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!m || (m[1] === "" && m[2] === "")) return null;
  if (m[1] === "") {
    const n = Number(m[2]);
    return n === 0 || size === 0 ? "416" : { start: Math.max(0, size - n), end: size };
  }
  const start = Number(m[1]);
  const end = m[2] === "" ? size : Math.min(Number(m[2]) + 1, size);
  if (m[2] !== "" && Number(m[2]) < start) return null;
  return start >= size ? "416" : { start, end };
}

/**
 * The request handler for one layout under one repository name.
 * @param {{ layout: ReturnType<typeof readLayout>, repository: string, cors?: boolean, referrers?: boolean, onRequest?: (r: { method: string, url: string, status: number, range?: string }) => void }} options
 */
export function registryHandler({ layout, repository, cors = true, referrers = true, onRequest }) {
  return (req, res) => {
    const reply = (status, headers = {}, body) => {
      onRequest?.({ method: req.method, url: req.url, status, range: req.headers.range });
      res.writeHead(status, {
        "Docker-Distribution-Api-Version": "registry/2.0",
        "X-Content-Type-Options": "nosniff",
        ...(cors ? CORS : {}),
        ...headers,
      });
      if (req.method === "HEAD" || body === undefined) res.end();
      else if (typeof body === "string" || Buffer.isBuffer(body)) res.end(body);
      else body.on("error", () => res.destroy()).pipe(res);
    };
    const json = (status, value, headers) => {
      const body = Buffer.from(JSON.stringify(value));
      reply(status, { "Content-Type": "application/json", "Content-Length": body.length, ...headers }, body);
    };
    const fail = (status, code, message, headers) => json(status, { errors: [{ code, message }] }, headers);

    if (req.method === "OPTIONS" && cors) return reply(204, { "Content-Length": 0 });
    if (req.method !== "GET" && req.method !== "HEAD")
      return fail(405, "UNSUPPORTED", "this registry is read-only", { Allow: "GET, HEAD" });
    let url;
    try {
      url = new URL(req.url, "http://registry");
    } catch {
      return fail(400, "UNSUPPORTED", "not a URL");
    }
    const path = url.pathname;
    if (path === "/v2/" || path === "/v2") return json(200, {});
    const m = /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(path);
    if (!m) return fail(404, "UNSUPPORTED", "no such endpoint");
    const [, name, kind, what] = m;
    if (name !== repository)
      return fail(404, "NAME_UNKNOWN", `this registry has one repository, ${repository}`);

    if (kind === "tags") {
      if (what !== "list") return fail(404, "UNSUPPORTED", "no such endpoint");
      return json(200, { name, tags: [...layout.tags.keys()].sort() });
    }
    if (kind === "manifests") {
      const manifest = layout.manifests.get(layout.tags.get(what) ?? what);
      if (!manifest) return fail(404, "MANIFEST_UNKNOWN", `no manifest ${what}`);
      const { mediaType, digest, bytes } = manifest;
      const headers = { "Content-Type": mediaType, "Docker-Content-Digest": digest, ETag: `"${digest}"` };
      if (req.headers["if-none-match"]?.includes(digest)) return reply(304, headers);
      return reply(200, { ...headers, "Content-Length": bytes.length }, bytes);
    }
    if (!DIGEST.test(what)) return fail(400, "DIGEST_INVALID", `${what} is not a sha256 digest`);
    if (kind === "referrers") {
      if (!referrers) return fail(404, "UNSUPPORTED", "no such endpoint");
      return listReferrers(layout, what, url, json);
    }
    const file = blobPath(layout.dir, what);
    if (!existsSync(file)) return fail(404, "BLOB_UNKNOWN", `no blob ${what}`);
    const size = statSync(file).size;
    const headers = {
      "Content-Type": "application/octet-stream",
      "Docker-Content-Digest": what,
      ETag: `"${what}"`,
      "Accept-Ranges": "bytes",
    };
    if (req.headers["if-none-match"]?.includes(what)) return reply(304, headers);
    const isOther = req.headers["if-range"] && req.headers["if-range"] !== `"${what}"`;
    const wanted = isOther ? null : parseRange(req.headers.range, size);
    if (wanted === "416")
      return fail(416, "RANGE_INVALID", `the blob has ${size} bytes`, { "Content-Range": `bytes */${size}` });
    const { start, end } = wanted ?? { start: 0, end: size };
    if (wanted) headers["Content-Range"] = `bytes ${start}-${end - 1}/${size}`;
    headers["Content-Length"] = end - start;
    const isEmpty = req.method === "HEAD" || size === 0;
    reply(wanted ? 206 : 200, headers, isEmpty ? undefined : createReadStream(file, { start, end: end - 1 }));
  };
}

function listReferrers(layout, subject, url, json) {
  const type = url.searchParams.get("artifactType");
  const all = [...layout.manifests.values()]
    .filter((m) => m.json.subject?.digest === subject)
    .map((m) => ({
      mediaType: m.mediaType,
      digest: m.digest,
      size: m.bytes.length,
      artifactType: m.json.artifactType ?? m.json.config?.mediaType,
      ...(m.json.annotations ? { annotations: m.json.annotations } : {}),
    }))
    .filter((d) => type === null || d.artifactType === type);
  const from = Number(url.searchParams.get("from") ?? 0) || 0;
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const headers = { "Content-Type": mediaType };
  if (type !== null) headers["OCI-Filters-Applied"] = "artifactType";
  if (all.length > from + REFERRERS_PAGE) {
    const next = new URLSearchParams(type === null ? {} : { artifactType: type });
    next.set("from", String(from + REFERRERS_PAGE));
    headers.Link = `<${url.pathname}?${next}>; rel="next"`;
  }
  const manifests = all.slice(from, from + REFERRERS_PAGE);
  json(200, { schemaVersion: 2, mediaType, manifests }, headers);
}

/** What a browser page of another origin needs in order to read from a registry. */
export const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
  "Access-Control-Allow-Headers": "Accept, Authorization, Range, If-None-Match",
  "Access-Control-Expose-Headers":
    "Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, ETag, Link, OCI-Filters-Applied, WWW-Authenticate",
};

/**
 * Serves a layout on a free loopback port.
 * @param {{ dir: string, repository: string, port?: number, cors?: boolean, referrers?: boolean, onRequest?: (r: any) => void }} options
 */
export async function serveLayout({ dir, repository, port = 0, ...rest }) {
  const server = createServer(registryHandler({ layout: readLayout(dir), repository, ...rest }));
  const actual = await listen(server, port);
  return { host: `127.0.0.1:${actual}`, server, close: () => closeServer(server) };
}
