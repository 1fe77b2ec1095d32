// The API of referrers (OCI distribution 1.1) in front of a registry that lacks it.
import { createServer, request as httpRequest } from "node:http";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { sha256 } from "./soci-images.mjs";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** @param {string} target `host:port` of the registry @param {{ filters?: boolean }} [options] whether it filters itself */
export async function startReferrersRegistry(target, { filters = true } = {}) {
  const [hostname, port] = target.split(":");
  /** Of each subject, its referrers. @type {Map<string, object[]>} */
  const referrers = new Map();
  const seen = [];

  const note = (bytes, headers) => {
    const manifest = JSON.parse(bytes.toString());
    if (!manifest.subject) return undefined;
    const { subject, artifactType = manifest.config.mediaType, annotations } = manifest;
    const mediaType = headers["content-type"];
    const digest = sha256(bytes);
    const list = referrers.get(subject.digest) ?? [];
    const others = list.filter((it) => /** @type {any} */ (it).digest !== digest);
    referrers.set(subject.digest, [
      ...others,
      { mediaType, digest, size: bytes.length, artifactType, annotations },
    ]);
    return subject.digest;
  };

  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url, "http://x");
    seen.push(`${incoming.method} ${url.pathname}${url.search}`);
    const asked = /^\/v2\/.+\/referrers\/(sha256:[0-9a-f]{64})$/.exec(url.pathname);
    if (asked) {
      const type = url.searchParams.get("artifactType");
      const all = referrers.get(asked[1]) ?? [];
      const filtered = filters && type !== null;
      const manifests = filtered ? all.filter((it) => /** @type {any} */ (it).artifactType === type) : all;
      outgoing.writeHead(200, {
        "content-type": INDEX,
        ...(filtered ? { "oci-filters-applied": "artifactType" } : {}),
      });
      outgoing.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
      return;
    }
    const isManifest = incoming.method === "PUT" && url.pathname.includes("/manifests/");
    const parts = [];
    const onward = httpRequest({
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      // So that it names this server in `Location`.
      headers: incoming.headers,
    });
    onward.on("response", (answer) => {
      const stored = isManifest && answer.statusCode === 201;
      const subject = stored ? note(Buffer.concat(parts), incoming.headers) : undefined;
      outgoing.writeHead(answer.statusCode ?? 502, {
        ...answer.headers,
        ...(subject ? { "oci-subject": subject } : {}),
      });
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    if (isManifest) incoming.on("data", (part) => parts.push(part));
    incoming.pipe(onward);
  });
  const actual = await listen(server);
  return { host: `127.0.0.1:${actual}`, seen, close: () => closeServer(server) };
}
