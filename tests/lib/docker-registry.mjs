// Debian's docker-registry on a free loopback port, filled with an OCI layout by plain HTTP PUTs.
// (skopeo drops `artifactType` from index descriptors, which changes a v2 SOCI index's digest.)
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CORS, readLayout } from "../../scripts/lib/layout-registry.mjs";
import { dockerRegistry } from "../../scripts/lib/tools.mjs";
import { freePort, startServer, tempFolder } from "./processes.mjs";

/**
 * @param {{ storage?: string, htpasswd?: string, token?: { realm: string, service: string, issuer: string, certificate: string }, port?: number, notify?: { url: string, authorization: string }, deletes?: boolean, relative?: boolean }} [options]
 *   `storage`: the folder of another registry, to serve what it holds. `htpasswd`: the file's text (bcrypt). `port`: of
 *   {@link freePort}. `notify`: who is told of pushes and pulls. `deletes`: whether manifests may be deleted.
 */
export async function startDockerRegistry(options = {}) {
  const { storage, htpasswd, token, port, notify, deletes = false, relative = false } = options;
  const program = dockerRegistry();
  if (!program) throw new Error("docker-registry is missing: run `npm run setup -- --tests`");
  const folder = tempFolder("registry");
  const host = `127.0.0.1:${port ?? (await freePort())}`;
  const root = storage ?? join(folder.path, "storage");
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: root },
      cache: { blobdescriptor: "inmemory" },
      delete: { enabled: deletes },
    },
    http: {
      addr: host,
      relativeurls: relative,
      headers: Object.fromEntries(Object.entries(CORS).map(([k, v]) => [k, [v]])),
    },
  };
  if (htpasswd) {
    writeFileSync(join(folder.path, "htpasswd"), htpasswd);
    config.auth = { htpasswd: { realm: "test", path: join(folder.path, "htpasswd") } };
  }
  if (token) {
    writeFileSync(join(folder.path, "token.pem"), token.certificate);
    config.auth = {
      token: {
        realm: token.realm,
        service: token.service,
        issuer: token.issuer,
        rootcertbundle: join(folder.path, "token.pem"),
      },
    };
  }
  if (notify) {
    const headers = { Authorization: [notify.authorization] };
    const patience = { timeout: "10s", threshold: 3, backoff: "1s" };
    config.notifications = { endpoints: [{ name: "hooks", url: notify.url, headers, ...patience }] };
  }
  const file = join(folder.path, "config.yml");
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const server = await startServer(program, ["serve", file], {
    url: `http://${host}/v2/`,
    env: { OTEL_TRACES_EXPORTER: "none" },
  });
  return {
    host,
    storage: root,
    stop: async () => {
      await server.stop();
      folder.remove();
    },
  };
}

async function put(url, body, type) {
  const answer = await fetch(url, { method: "PUT", body, headers: { "Content-Type": type } });
  if (answer.status !== 201) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}

/** Uploads every blob, then every manifest (children first), then the tags, which `tagOf` names. */
export async function pushLayout(host, dir, repository, tagOf = (name) => name) {
  const layout = readLayout(dir);
  const base = `http://${host}/v2/${repository}`;
  for (const hex of readdirSync(join(dir, "blobs", "sha256"))) {
    if (layout.manifests.has(`sha256:${hex}`)) continue;
    const start = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
    if (start.status !== 202) throw new Error(`POST uploads: ${start.status} ${await start.text()}`);
    const location = new URL(start.headers.get("location"), base);
    location.searchParams.set("digest", `sha256:${hex}`);
    await put(location, readFileSync(join(dir, "blobs", "sha256", hex)), "application/octet-stream");
  }
  const done = new Set();
  const push = async (digest) => {
    const manifest = layout.manifests.get(digest);
    if (!manifest || done.has(digest)) return;
    done.add(digest);
    for (const child of manifest.json.manifests ?? []) await push(child.digest);
    if (manifest.json.subject) await push(manifest.json.subject.digest);
    await put(`${base}/manifests/${digest}`, manifest.bytes, manifest.mediaType);
  };
  for (const digest of layout.manifests.keys()) await push(digest);
  for (const [tag, digest] of layout.tags) {
    const manifest = layout.manifests.get(digest);
    await put(`${base}/manifests/${tagOf(tag)}`, manifest.bytes, manifest.mediaType);
  }
}

/** A registry that holds the demo image as `demo`. */
export async function startDemoRegistry(options) {
  const registry = await startDockerRegistry(options);
  await pushLayout(registry.host, DEMO, REPOSITORY);
  return registry;
}

export const DEMO = new URL("../fixtures/demo", import.meta.url).pathname;
export const REPOSITORY = "demo";
