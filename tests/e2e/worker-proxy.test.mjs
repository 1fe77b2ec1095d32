// The worker as the gate to a registry that wants tokens: for the package, and for pages of another origin.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { open } from "ocipeek";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { openBrowser } from "../lib/chromium.mjs";
import { DEMO, pushLayout, REPOSITORY, startDockerRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { startTokenService } from "../lib/token-service.mjs";
import { layout } from "../lib/variants.mjs";
import { startWorker } from "../lib/worker.mjs";

const USER = "reader";
const PASSWORD = "open sesame";
const TAG = "latest-soci";
const DIGEST = layout.tags.get(TAG);

describe("the registry's own API through workerd", () => {
  let tokens;
  let plain;
  let registry;
  let worker;
  let site;
  let siteUrl;
  let browser;

  before(async () => {
    tokens = await startTokenService({ username: USER, password: PASSWORD });
    plain = await startDockerRegistry();
    await pushLayout(plain.host, DEMO, REPOSITORY);
    registry = await startDockerRegistry({ storage: plain.storage, token: tokens.config });
    const auth = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
    site = createServer((_request, answer) =>
      answer.writeHead(200, { "content-type": "text/html" }).end("page"),
    );
    siteUrl = `http://localhost:${await listen(site)}/`;
    worker = await startWorker({
      vars: {
        OCIPEEK_INSECURE_REGISTRIES: registry.host,
        OCIPEEK_DOCKER_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }),
        OCIPEEK_ALLOWED_ORIGINS: ["*", new URL(siteUrl).origin],
      },
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    if (site) await closeServer(site);
    await worker?.stop();
    await registry?.stop();
    await plain?.stop();
    await tokens?.stop();
  });

  test("the package reads an image through it, with one token", async () => {
    const through = (url, init) => {
      const { host, pathname, search } = new URL(url);
      assert.equal(host, registry.host);
      return fetch(`${worker.url}/-/v2/${host}${pathname.slice(3)}${search}`, init);
    };
    const image = await open(`${registry.host}/${REPOSITORY}:${TAG}`, {
      platform: "linux/amd64",
      fetch: through,
    });
    const files = merged().filter((line) => line.type === "reg" && line.path && !line.path_b64);
    for (const { path, sha256 } of files.filter((_, i) => i % 200 === 0)) {
      const bytes = await image.readFile(`/${path}`);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256, path);
    }
    assert.ok(image.stats.requests > 5);
    await image.close();
    assert.equal(tokens.asked.length, 1);
    const [asked] = tokens.asked;
    assert.deepEqual([asked.scope, asked.basic], [`repository:${REPOSITORY}:pull`, true]);
  });

  test("without the worker's credentials it gives nothing", async () => {
    const answer = await fetch(`http://${registry.host}/v2/${REPOSITORY}/manifests/${TAG}`);
    assert.equal(answer.status, 401);
  });

  test("a page of an origin that is not listed reads nothing of it", async () => {
    // The same server by another name.
    await browser.page.goto(siteUrl.replace("localhost", "127.0.0.1"));
    const paths = [
      `/-/v2/${registry.host}/${REPOSITORY}/manifests/${DIGEST}`,
      `/-/v2/${registry.host}/${REPOSITORY}/manifests/none`,
      `/${registry.host}/${REPOSITORY}:${TAG}/`,
      `/${registry.host}/${REPOSITORY}:${TAG}/-/etc/os-release`,
      `/${registry.host}/${REPOSITORY}@${DIGEST}/-/etc`,
    ];
    const read = (urls) =>
      browser.page.evaluate(
        (urls) =>
          Promise.all(
            urls.map((url) =>
              fetch(url)
                .then((it) => it.text())
                .catch((e) => e.name),
            ),
          ),
        urls,
      );
    const urls = paths.map((path) => worker.url + path);
    assert.deepEqual(
      await read(urls),
      paths.map(() => "TypeError"),
    );
    // What nobody has credentials for is for any page.
    assert.match((await read([`${worker.url}/`]))[0], /^ocipeek/);
    for (const path of paths) {
      const answer = await fetch(worker.url + path, { redirect: "manual" });
      await answer.arrayBuffer();
      assert.match(answer.headers.get("cache-control"), /^(private|no-store)/, path);
      assert.match(answer.headers.get("vary"), /\borigin\b/, path);
      assert.equal(answer.headers.get("access-control-allow-origin"), null, path);
      assert.equal(answer.headers.get("cross-origin-resource-policy"), "same-origin", path);
    }
  });

  test("a page of another origin reads a manifest and a range of a blob, and sees their headers", async () => {
    await browser.page.goto(siteUrl);
    const base = `${worker.url}/-/v2/${registry.host}/${REPOSITORY}`;
    const [layer] = layout.manifests.get(DIGEST).json.manifests.map((m) => m.digest);
    const blob = layout.manifests.get(layer).json.layers[0].digest;
    const seen = await browser.page.evaluate(
      async ({ base, digest, blob }) => {
        const manifest = await fetch(`${base}/manifests/${digest}`, {
          headers: {
            accept:
              "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
          },
        });
        const part = await fetch(`${base}/blobs/${blob}`, { headers: { range: "bytes=100-199" } });
        const missing = await fetch(`${base}/manifests/none`);
        return {
          manifest: [
            manifest.status,
            manifest.headers.get("docker-content-digest"),
            (await manifest.text()).length,
          ],
          part: [part.status, part.headers.get("content-range"), (await part.arrayBuffer()).byteLength],
          missing: [missing.status, (await missing.json()).errors[0].code],
        };
      },
      { base, digest: DIGEST, blob },
    );
    const { size } = layout.manifests.get(layer).json.layers[0];
    assert.deepEqual(seen, {
      manifest: [200, DIGEST, layout.manifests.get(DIGEST).bytes.length],
      part: [206, `bytes 100-199/${size}`, 100],
      missing: [404, "MANIFEST_UNKNOWN"],
    });
  });

  test("a whole blob has its length; HEAD the same headers", async () => {
    const [image] = layout.manifests.get(DIGEST).json.manifests;
    const { digest, size } = layout.manifests.get(image.digest).json.layers[0];
    const url = `${worker.url}/-/v2/${registry.host}/${REPOSITORY}/blobs/${digest}`;
    const head = await fetch(url, { method: "HEAD" });
    const whole = await fetch(url);
    const bytes = Buffer.from(await whole.arrayBuffer());
    assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest);
    for (const answer of [head, whole]) {
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-length"), String(size));
      assert.equal(answer.headers.get("cache-control"), "private, max-age=31536000, immutable");
      assert.equal(answer.headers.get("content-security-policy"), "default-src 'none'; sandbox");
    }
  });
});
