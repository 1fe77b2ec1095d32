// The demo's own registry keeps to the distribution specification, as docker-registry does.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { FALLBACK_TAG, IMAGE, layout, v1Indexes } from "../lib/variants.mjs";

const ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
const BLOB = layout.manifests.get(IMAGE).json.layers[4];

describe("the demo registry", () => {
  let ours;
  let theirs;
  before(async () => {
    ours = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    theirs = await startDemoRegistry();
  });
  after(async () => {
    await ours?.close();
    await theirs?.stop();
  });
  const get = (path, headers = {}, method = "GET") =>
    fetch(`http://${ours.host}/v2/${REPOSITORY}/${path}`, {
      method,
      headers: { accept: ACCEPT, ...headers },
    });

  /** @type {[path: string, headers?: Record<string, string>, method?: string][]} */
  const same = [
    [`manifests/latest`],
    [`manifests/latest-soci`, {}, "HEAD"],
    [`manifests/${IMAGE}`],
    [`manifests/${FALLBACK_TAG}`],
    [`manifests/none`],
    [`blobs/${BLOB.digest}`],
    [`blobs/${BLOB.digest}`, {}, "HEAD"],
    [`blobs/${BLOB.digest}`, { range: "bytes=0-0" }],
    [`blobs/${BLOB.digest}`, { range: "bytes=10-99" }],
    [`blobs/${BLOB.digest}`, { range: `bytes=${BLOB.size - 5}-` }],
    [`blobs/${BLOB.digest}`, { range: "bytes=-7" }],
    [`blobs/${BLOB.digest}`, { range: `bytes=5-${BLOB.size + 100}` }],
    [`blobs/sha256:${"0".repeat(64)}`],
  ];
  for (const [path, headers, method] of same) {
    test(`${method ?? "GET"} ${path} ${headers?.range ?? ""} as docker-registry answers`, async () => {
      const answers = await Promise.all(
        [ours, theirs].map(async ({ host }) => {
          const a = await fetch(`http://${host}/v2/${REPOSITORY}/${path}`, {
            method,
            headers: { accept: ACCEPT, ...headers },
          });
          const body = Buffer.from(await a.arrayBuffer());
          const ok = a.status < 300;
          return {
            status: a.status,
            length: ok && a.headers.get("content-length"),
            range: a.status === 206 && a.headers.get("content-range"),
            digest: ok && a.headers.get("docker-content-digest"),
            body: ok && createHash("sha256").update(body).digest("hex"),
            code: a.status === 404 && method !== "HEAD" && JSON.parse(body.toString()).errors[0].code,
          };
        }),
      );
      assert.deepEqual(answers[0], answers[1]);
    });
  }

  // docker-registry 2.8 answers this one with a Content-Length that its body does not have.
  test("416 past the end, with the size", async () => {
    const past = await get(`blobs/${BLOB.digest}`, { range: `bytes=${BLOB.size}-` });
    assert.equal(past.status, 416);
    assert.equal(past.headers.get("content-range"), `bytes */${BLOB.size}`);
    assert.equal((await past.json()).errors[0].code, "RANGE_INVALID");
  });

  test("lists referrers, filtered or not", async () => {
    const type = "application/vnd.amazon.soci.index.v1+json";
    const filtered = await get(`referrers/${IMAGE}?artifactType=${encodeURIComponent(type)}`);
    assert.equal(filtered.headers.get("oci-filters-applied"), "artifactType");
    const list = await filtered.json();
    assert.deepEqual(list.manifests.map((m) => m.digest).sort(), v1Indexes.toSorted());
    assert.ok(list.manifests.every((m) => m.artifactType === type));
    assert.deepEqual((await (await get(`referrers/${IMAGE}?artifactType=x`)).json()).manifests, []);
    assert.equal((await (await get(`referrers/${IMAGE}`)).json()).manifests.length, 2);
  });

  test("answers 304 to a known ETag, and ignores a range with a stale one", async () => {
    const first = await get(`blobs/${BLOB.digest}`);
    const etag = first.headers.get("etag");
    await first.arrayBuffer();
    assert.equal((await get(`blobs/${BLOB.digest}`, { "if-none-match": etag })).status, 304);
    const stale = await get(`blobs/${BLOB.digest}`, { range: "bytes=0-1", "if-range": '"other"' });
    assert.equal(stale.status, 200);
    await stale.arrayBuffer();
  });

  test("is read-only, and has one repository", async () => {
    assert.equal((await get("blobs/uploads/", {}, "POST")).status, 405);
    assert.equal((await get("manifests/latest", {}, "DELETE")).status, 405);
    assert.equal((await fetch(`http://${ours.host}/v2/other/manifests/latest`)).status, 404);
    assert.equal((await fetch(`http://${ours.host}/etc/passwd`)).status, 404);
    assert.equal((await get("blobs/..%2f..%2findex.json")).status, 400);
  });

  test("lists its tags", async () => {
    const { tags } = await (await get("tags/list")).json();
    const index = JSON.parse(readFileSync(`${DEMO}/index.json`, "utf8"));
    const named = index.manifests
      .map((m) => m.annotations?.["org.opencontainers.image.ref.name"])
      .filter(Boolean);
    assert.deepEqual(tags, named.sort());
  });
});
