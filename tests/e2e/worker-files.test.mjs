// The worker in workerd, against a real docker-registry with the demo image.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { layout } from "../lib/variants.mjs";
import { startCounter, startWorker } from "../lib/worker.mjs";

const PARALLEL = 6;
const TAG = "latest-soci";
const DIGEST = layout.tags.get(TAG);
/** A small file of the layer in the middle. */
const SMALL = "etc/services";

const sha256 = (bytes) => createHash("sha256").update(Buffer.from(bytes)).digest("hex");
const lines = merged();
const sha256Of = new Map(lines.map((line) => [line.path, line.sha256]));
/** A path as a URL writes it, whatever its bytes are. */
const urlPath = ({ path, path_b64 }) =>
  (path_b64 ? Buffer.from(path_b64, "base64") : Buffer.from(path))
    .toString("latin1")
    .replace(/[^A-Za-z0-9._/-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** What was read is written after the answer is out. */
const written = () => new Promise((resolve) => setTimeout(resolve, 3000));

describe("the worker in workerd", () => {
  let registry;
  let counter;
  let worker;
  let folder;
  const vars = () => ({ OCIPEEK_INSECURE_REGISTRIES: counter.host });
  const at = (reference) => `${worker.url}/${counter.host}/${REPOSITORY}${reference}/-/`;

  before(async () => {
    registry = await startDemoRegistry();
    counter = await startCounter(registry.host);
    folder = tempFolder("worker");
    worker = await startWorker({ vars: vars(), folder: folder.path });
  });
  after(async () => {
    await worker?.stop();
    folder?.remove();
    await counter?.stop();
    await registry?.stop();
  });

  const cost = async (reference) => {
    const answer = await fetch(`${at(reference)}${SMALL}`);
    const body = await answer.arrayBuffer();
    assert.equal(answer.status, 200, worker.output());
    assert.equal(sha256(body), sha256Of.get(SMALL));
    const seen = counter.requests();
    assert.equal(answer.headers.get("x-ocipeek-requests"), String(seen.length));
    return seen;
  };

  test("cold, warm, and a cold isolate with a warm cache: requests to the registry", async () => {
    const image = layout.manifests
      .get(DIGEST)
      .json.manifests.find((m) => m.artifactType === undefined).digest;
    const soci = layout.manifests.get(DIGEST).json.manifests.find((m) => m.artifactType !== undefined).digest;
    const layers = layout.manifests.get(image).json.layers.map((layer) => layer.digest);
    const ztocOf = (layer) =>
      layout.manifests
        .get(soci)
        .json.layers.find((l) => l.annotations["com.amazon.soci.image-layer-digest"] === layer).digest;
    // The file is in layer 2 of 6: the zTOCs of those above it and its own are looked at.
    const decisive = layers.slice(2);

    const cold = await cost(`:${TAG}`);
    const manifest = (what) => `GET /v2/demo/manifests/${what}`;
    const expected = [
      manifest(TAG),
      manifest(image),
      manifest(soci),
      ...decisive.map((layer) => `GET /v2/demo/blobs/${ztocOf(layer)}`),
    ];
    const ranges = cold.filter((r) => r.includes(" bytes="));
    assert.deepEqual(cold.filter((r) => !r.includes(" bytes=")).sort(), expected.sort());
    assert.equal(ranges.length, 1);
    assert.ok(ranges[0].startsWith(`GET /v2/demo/blobs/${decisive[0]} bytes=`));

    assert.deepEqual(await cost(`:${TAG}`), [], "warm");

    await written();
    await worker.stop();
    worker = await startWorker({ vars: vars(), folder: folder.path });
    assert.deepEqual(await cost(`@${DIGEST}`), [], "a cold isolate with a warm cache, by digest");
    assert.deepEqual(await cost(`:${TAG}`), [], "and by tag, which is remembered for a minute");
    console.log(`measured: cold ${cold.length} requests, warm 0, cold isolate with a warm cache 0`);
  });

  test("a cold isolate in another place, with a bucket alone", async () => {
    const config = join(folder.path, "wrangler.json");
    const main = new URL("../../worker/src/index.ts", import.meta.url).pathname;
    const r2_buckets = [{ binding: "OCIPEEK_BUCKET", bucket_name: "test" }];
    const flags = { compatibility_date: "2026-08-01", compatibility_flags: ["enable_request_signal"] };
    writeFileSync(config, JSON.stringify({ name: "bucket", main, ...flags, r2_buckets }));
    const options = {
      config,
      folder: join(folder.path, "bucket"),
      vars: { ...vars(), OCIPEEK_CACHE: { cacheApi: false } },
    };
    await worker.stop();
    worker = await startWorker(options);
    assert.equal((await cost(`:${TAG}`)).length, 8);
    await written();
    await worker.stop();
    worker = await startWorker(options);
    assert.deepEqual(await cost(`@${DIGEST}`), []);
    // A tag may change: it is not in the bucket, but all below it is.
    assert.deepEqual(await cost(`:${TAG}`), [`GET /v2/demo/manifests/${TAG}`]);
    await worker.stop();
    worker = await startWorker({ vars: vars(), folder: folder.path });
  });

  test("every regular file hashes as expected", async () => {
    const files = lines.filter((line) => line.type === "reg");
    const wrong = [];
    const next = files.values();
    const work = async () => {
      for (const line of next) {
        const { path, sha256: expected } = line;
        const answer = await fetch(`${at(`@${DIGEST}`)}${urlPath(line)}`);
        const actual = sha256(await answer.arrayBuffer());
        if (answer.status !== 200 || actual !== expected) wrong.push(`${path}: ${answer.status} ${actual}`);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${files.length} files`);
    assert.ok(files.length > 2300, `${files.length} files`);
  });
});
