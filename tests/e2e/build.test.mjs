// Indexes built of the demo image equal those of AWS's implementation, in Node, Chromium and workerd; pushed to a real
// docker-registry and into a layout, the image opens by them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MemoryCache, open, openSource } from "ocipeek";
import * as build from "ocipeek/build";
import { LayoutDestination } from "ocipeek/node";
import { registryDestination } from "ocipeek/push";
import { converted, created, demoBlob } from "../lib/built-demo.mjs";
import { openBrowser, serveStatic } from "../lib/chromium.mjs";
import { DEMO, REPOSITORY, startDemoRegistry, startDockerRegistry } from "../lib/docker-registry.mjs";
import { browserPackage, workerdPackage } from "../lib/package.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { IMAGE } from "../lib/variants.mjs";
import { startWorkerd } from "../lib/workerd.mjs";
import { checkBuild } from "../shared/check-build.mjs";

const { buildZtoc, convertImage, createIndex, pushArtifacts } = build;
const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const demo = () => openSource(`oci:${DEMO}:latest`);
const PLATFORM = { platforms: ["linux/amd64"] };

describe("what is built equals the reference's", () => {
  let registry;
  let reference;
  before(async () => {
    registry = await startDemoRegistry();
    reference = `${registry.host}/${REPOSITORY}:latest`;
  });
  after(() => registry?.stop());

  test("in Node, from a registry and from a layout", async () => {
    assert.deepEqual(await checkBuild({ openSource }, build, { reference, created, converted }), []);
    const layout = `oci:${DEMO}:latest`;
    assert.deepEqual(await checkBuild({ openSource }, build, { reference: layout, created, converted }), []);
  });

  test("in Chromium", async () => {
    const { folder, entry } = browserPackage();
    const imports = { ocipeek: `/pkg/${entry}`, "ocipeek/build": "/pkg/js/build/entry/browser.js" };
    const head = `<script type="importmap">${JSON.stringify({ imports })}</script><title>test</title>`;
    const site = await serveStatic({
      "/": Buffer.from(`<!doctype html>${head}`),
      "/pkg/": folder,
      "/shared/": new URL("../shared/", import.meta.url).pathname,
    });
    const browser = await openBrowser();
    try {
      await browser.page.goto(site.url);
      const problems = await browser.page.evaluate(
        async (wanted) => {
          const base = await import("ocipeek");
          const build = await import("ocipeek/build");
          // @ts-expect-error: the page's own server has it there.
          const { checkBuild } = await import("/shared/check-build.mjs");
          return checkBuild(base, build, wanted);
        },
        { reference, created, converted },
      );
      assert.deepEqual(problems, [], browser.messages.join("\n"));
    } finally {
      await browser.close();
      await site.close();
    }
  });

  test("in workerd", async () => {
    const { files, entry } = workerdPackage();
    const worker = `
import * as base from "./pkg/${entry}";
import * as build from "./pkg/js/build/entry/workerd.js";
import { checkBuild } from "./check-build.mjs";
export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("ready");
    try {
      return Response.json(await checkBuild(base, build, await request.json()));
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};`;
    const workerd = await startWorkerd([
      ["worker.mjs", worker],
      ["check-build.mjs", readFileSync(new URL("../shared/check-build.mjs", import.meta.url))],
      ...files.map(([name, content]) => /** @type {[string, Buffer]} */ ([`pkg/${name}`, content])),
    ]);
    try {
      const answer = await fetch(workerd.url, {
        method: "POST",
        body: JSON.stringify({ reference, created, converted }),
      });
      const text = await answer.text();
      assert.equal(answer.status, 200, `${text}\n${workerd.output()}`);
      assert.deepEqual(JSON.parse(text), []);
    } finally {
      await workerd.stop();
    }
  });
});

describe("pushed", () => {
  let registry;
  before(async () => {
    registry = await startDockerRegistry();
  });
  after(() => registry?.stop());

  test("version 2: a converted image in an empty repository is whole, and read by its index", async () => {
    const source = await demo();
    const image = await convertImage(source, undefined, { ...converted[1].options, ...PLATFORM });
    const progress = [];
    const destination = await registryDestination(`${registry.host}/made/v2`);
    const report = await pushArtifacts(source, image, destination, {
      tag: "soci",
      onProgress: (it) => progress.push(it),
    });
    assert.equal(report.destination, `${registry.host}/made/v2`);
    // 6 layers, their config, 6 zTOCs, and the index's config.
    assert.equal(report.blobs.length, 14);
    assert.ok(report.blobs.every((it) => it.outcome === "uploaded"));
    assert.deepEqual(
      report.manifests.map(({ digest, tag }) => [digest, tag]),
      [
        [image.manifests[0]?.digest, undefined],
        [image.images[0]?.index?.digest, undefined],
        [converted[1].index, "soci"],
      ],
    );
    const last = progress.at(-1);
    assert.equal(last.phase, "push");
    assert.equal(last.bytes, last.total);

    const opened = await open(`${registry.host}/made/v2:soci`, { platform: "linux/amd64" });
    assert.equal(opened.soci?.version, "v2");
    assert.ok(opened.layers.every((it) => it.read === "ztoc"));
    assert.match(await opened.readFile("/etc/os-release", "utf8"), /ID=/);
    await opened.close();

    // Again: nothing is sent.
    const again = await pushArtifacts(source, image, destination, { tag: "soci" });
    assert.ok(again.blobs.every((it) => it.outcome === "present"));

    // To a further repository of the registry: what the source has there is mounted.
    const near = await openSource(`${registry.host}/made/v2:soci`);
    const other = await registryDestination(`${registry.host}/made/v2-copy`);
    const mounted = await pushArtifacts(near, image, other, { tag: "soci" });
    const layers = mounted.blobs.filter(({ digest }) =>
      image.images[0]?.layers.some((it) => it.digest === digest),
    );
    assert.deepEqual(new Set(layers.map((it) => it.outcome)), new Set(["mounted"]));
    await near.close();
    await image.close();
    await source.close();
  });

  test("version 1: a referrer beside others", async () => {
    const source = await demo();
    const plain = await registryDestination(`${registry.host}/made/v1`);
    const doc = JSON.parse(new TextDecoder().decode(demoBlob(IMAGE)));
    for (const { digest, size } of [doc.config, ...doc.layers]) {
      const bytes = demoBlob(digest);
      await plain.putBlob({ digest, size, read: async (a, b) => new Uint8Array(bytes.subarray(a, b)) });
    }
    await plain.putManifest(await source.manifest(), { tag: "latest" });
    const from = await openSource(`${registry.host}/made/v1:latest`);
    for (const { options, index } of created) {
      const artifacts = await createIndex(from, undefined, { ...options, ...PLATFORM });
      const report = await pushArtifacts(from, artifacts, plain);
      assert.deepEqual(
        report.manifests.map((it) => it.digest),
        [index],
      );
    }
    const found = await from.referrers(IMAGE, "application/vnd.amazon.soci.index.v1+json");
    assert.deepEqual(
      found.map((it) => it.digest),
      created.map((it) => it.index),
    );
    const opened = await open(`${registry.host}/made/v1:latest`, {
      platform: "linux/amd64",
      attachedIndex: true,
    });
    assert.equal(opened.soci?.digest, created[0].index);
    await opened.close();

    // What is attached may be anybody's: it is built again, to the same, if it was right.
    const layersAsked = (before) => {
      const asked = from.stats.log.slice(before).map((it) => it.target);
      return doc.layers.filter(({ digest }) => asked.some((it) => it.includes(digest))).length;
    };
    const cache = new MemoryCache();
    for (const [outcome, fetched] of /** @type {const} */ ([
      ["indexed", doc.layers.length],
      ["reused", 0],
    ])) {
      const before = from.stats.log.length;
      const again = await createIndex(from, undefined, { ...created[1].options, ...PLATFORM, cache });
      assert.equal(again.images[0]?.index?.digest, created[1].index);
      assert.deepEqual(new Set(again.images[0]?.layers.map((it) => it.outcome)), new Set([outcome]));
      // What was built here is kept by the layer's digest, if there is a cache, and used again.
      assert.equal(layersAsked(before), fetched);
    }
    // With another span size, or on demand, it is built.
    for (const other of [{ spanSize: 1 << 20 }, { force: true }]) {
      const options = { ...created[1].options, ...PLATFORM, cache, ...other };
      const again = await createIndex(from, undefined, options);
      assert.deepEqual(new Set(again.images[0]?.layers.map((it) => it.outcome)), new Set(["indexed"]));
    }
    // An index of version 2 takes nothing over from those that anyone may have attached.
    const v2 = await convertImage(from, undefined, { ...converted[1].options, ...PLATFORM });
    assert.deepEqual(new Set(v2.images[0]?.layers.map((it) => it.outcome)), new Set(["indexed"]));
    await from.close();
    await source.close();
  });

  test("into a layout, from a registry", async () => {
    const folder = tempFolder("built-layout");
    try {
      const source = await openSource(`${registry.host}/made/v2:soci`);
      const image = await convertImage(source, undefined, { ...converted[1].options, ...PLATFORM });
      // It was converted before: the result is the same, and every zTOC was there.
      assert.equal(image.index.digest, converted[1].index);
      assert.deepEqual(new Set(image.images[0]?.layers.map((it) => it.outcome)), new Set(["reused"]));
      await pushArtifacts(source, image, new LayoutDestination(folder.path), { tag: "soci" });
      for (const { digest } of image.images[0]?.layers ?? []) {
        const bytes = readFileSync(join(folder.path, "blobs", "sha256", digest.slice(7)));
        assert.equal(sha256(bytes), digest);
      }
      const opened = await open(`oci:${folder.path}:soci`, { platform: "linux/amd64" });
      assert.equal(opened.soci?.version, "v2");
      assert.match(await opened.readFile("/etc/os-release", "utf8"), /ID=/);
      await opened.close();
      await source.close();
    } finally {
      folder.remove();
    }
  });
});

test("the least size of a layer is asked first", async () => {
  const source = await demo();
  const artifacts = await createIndex(source, undefined, { minLayerSize: 500_000, ...PLATFORM, force: true });
  assert.deepEqual(
    artifacts.images[0]?.layers.map((it) => it.outcome),
    ["indexed", "indexed", "too-small", "too-small", "too-small", "too-small"],
  );
  await assert.rejects(createIndex(source, undefined, PLATFORM), { code: "UNSUPPORTED" });
  await assert.rejects(convertImage(source, undefined, PLATFORM), { code: "UNSUPPORTED" });
  await source.close();
});

test("one layer alone: facts, entries as they come, and the diff id", async () => {
  const { layers, config } = JSON.parse(new TextDecoder().decode(demoBlob(IMAGE)));
  const { rootfs } = JSON.parse(new TextDecoder().decode(demoBlob(config.digest)));
  const names = [];
  const steps = [];
  async function* pieces() {
    const bytes = demoBlob(layers[0].digest);
    for (let at = 0; at < bytes.length; at += 10_007) yield new Uint8Array(bytes.subarray(at, at + 10_007));
  }
  const ztoc = await buildZtoc(pieces(), {
    spanSize: 128 << 10,
    diffId: true,
    size: layers[0].size,
    onEntries: (entries) => names.push(...entries.map((it) => it.name)),
    onProgress: (it) => void steps.push(it),
  });
  assert.equal(ztoc.diffId, rootfs.diff_ids[0]);
  assert.equal(ztoc.layerDigest, layers[0].digest);
  const facts = await build.readZtoc(await ztoc.bytes());
  assert.deepEqual(
    names,
    facts.entries.map((it) => it.name),
  );
  assert.equal(ztoc.spans, facts.spans.length);
  assert.deepEqual(ztoc.spansOf("/bin/toybox"), [27, 30]);
  assert.deepEqual(facts.spansOf("/bin/toybox"), [27, 30]);
  assert.equal(ztoc.spansOf("/no/such"), undefined);
  assert.equal(steps.at(-1).layer.bytes, layers[0].size);
  await ztoc.close();
});
