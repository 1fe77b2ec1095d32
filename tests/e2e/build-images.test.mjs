// Indexes of odd images: many platforms, Docker's types, zstd, broken layers, conversions of conversions; broken
// connections and stops.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { describe, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { OcipeekError, openSource } from "ocipeek";
import { buildZtoc, convertImage, createIndex, MemoryStore, pushArtifacts, readZtoc } from "ocipeek/build";
import { LayoutDestination } from "ocipeek/node";
import { registryDestination } from "ocipeek/push";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { demoBlob } from "../lib/built-demo.mjs";
import { REPOSITORY, startDemoRegistry, startDockerRegistry } from "../lib/docker-registry.mjs";
import { DOCKER, gzipLayer, MadeLayout, OCI, sha256 } from "../lib/made-images.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";
import { IMAGE } from "../lib/variants.mjs";

const ALL = { platforms: /** @type {const} */ ("all"), minLayerSize: 0 };
const json = (manifest) => JSON.parse(new TextDecoder().decode(manifest.bytes));
const GZIP = `${OCI.layer}+gzip`;
const AMD = { os: "linux", architecture: "amd64" };
const ARM = { os: "linux", architecture: "arm64" };

/** The demo image's largest layer. */
const { layers: demoLayers } = JSON.parse(new TextDecoder().decode(demoBlob(IMAGE)));
const LAYER = demoLayers[0];
const layerBytes = demoBlob(LAYER.digest);
const ZTOC_128 = "sha256:53c49a893f3ad2dc4df32d053e5e3f72ad4ddcfff837636c672c9919da3d0fdc";

/** Calls `work` with a source over a layout, and closes it. */
async function over(layout, work, tag = "latest") {
  const source = await openSource(layout.files, { tag });
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

describe("many platforms", () => {
  const layout = new MadeLayout();
  const shared = gzipLayer({ "etc/shared": "on both" });
  const amd = layout.image(
    [
      [shared, DOCKER.layer],
      [gzipLayer({ "bin/a": "amd64" }), DOCKER.layer],
    ],
    {
      types: DOCKER,
      platform: AMD,
    },
  );
  const arm = layout.image(
    [
      [shared, DOCKER.layer],
      [gzipLayer({ "bin/a": "arm64, a longer one" }), DOCKER.layer],
    ],
    {
      types: DOCKER,
      platform: { ...ARM, variant: "v8" },
    },
  );
  const attestation = layout.image([[Buffer.from("{}"), "application/vnd.in-toto+json"]], {
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": amd.digest,
    },
    platform: { os: "unknown", architecture: "unknown" },
  });
  const entries = [
    { ...amd, platform: AMD },
    { ...arm, platform: { ...ARM, variant: "v8" } },
    { ...attestation, platform: { os: "unknown", architecture: "unknown" } },
  ];
  layout.tag("latest", layout.index(entries, DOCKER));
  layout.tag("one", arm);

  test("each gets an index of its own, layers that they share are indexed once", () =>
    over(layout, async (source) => {
      const seen = new Map();
      const { images } = await createIndex(source, undefined, {
        ...ALL,
        onProgress: ({ layer }) => layer && seen.set(layer.digest, layer.bytes),
      });
      assert.deepEqual(
        images.map((it) => [it.platform, it.subject.digest, it.subject.mediaType]),
        [
          ["linux/amd64", amd.digest, DOCKER.manifest],
          ["linux/arm64", arm.digest, DOCKER.manifest],
        ],
      );
      const [first, second] = images.map((it) => json(it.index));
      assert.equal(first.subject.digest, amd.digest);
      assert.equal(first.layers[0].digest, second.layers[0].digest);
      assert.notEqual(first.layers[1].digest, second.layers[1].digest);
      assert.equal(first.layers[0].annotations["com.amazon.soci.image-layer-mediaType"], DOCKER.layer);
    }));

  test("one by its name, strictly", () =>
    over(layout, async (source) => {
      const { images } = await createIndex(source, undefined, { ...ALL, platforms: ["linux/arm64/v8"] });
      assert.deepEqual(
        images.map((it) => it.subject.digest),
        [arm.digest],
      );
      const none = createIndex(source, undefined, { ...ALL, platforms: ["linux/arm/v7"] });
      await assert.rejects(none, {
        code: "NOT_FOUND",
        message: /linux\/arm\/v7.*linux\/amd64, linux\/arm64/,
      });
    }));

  test("a single image has its config's platform", () =>
    over(
      layout,
      async (source) => {
        const image = await convertImage(source, undefined, { minLayerSize: 0 });
        assert.deepEqual(
          json(image.index).manifests.map((it) => it.platform),
          [ARM, ARM],
        );
        const wrong = createIndex(source, undefined, { minLayerSize: 0, platforms: ["linux/amd64"] });
        await assert.rejects(wrong, { code: "NOT_FOUND" });
      },
      "one",
    ));

  test("converted: Docker's types become OCI's, the attestation stays, and again is the same", async () => {
    const folder = tempFolder("converted");
    try {
      await over(layout, async (source) => {
        const image = await convertImage(source, undefined, ALL);
        const index = json(image.index);
        assert.equal(index.mediaType, OCI.index);
        assert.equal(index.manifests.length, 5);
        assert.ok(index.manifests.every((it) => it.mediaType === OCI.manifest));
        for (const manifest of image.manifests) {
          assert.equal(json(manifest).mediaType, OCI.manifest);
          assert.equal(json(manifest).config.mediaType, OCI.config);
        }
        const [amdNow, armNow] = index.manifests;
        for (const [i, entry] of [amdNow, armNow].entries()) {
          const soci = index.manifests[3 + i];
          assert.equal(soci.annotations["com.amazon.soci.image-manifest-digest"], entry.digest);
          assert.equal(entry.annotations["com.amazon.soci.index-digest"], soci.digest);
          assert.equal(soci.digest, image.images[i]?.index?.digest);
        }
        await pushArtifacts(source, image, new LayoutDestination(folder.path), { tag: "soci" });
        const copy = await openSource(`oci:${folder.path}:soci`);
        const again = await convertImage(copy, undefined, ALL);
        assert.equal(again.index.digest, image.index.digest);
        assert.deepEqual(
          new Set(again.images.flatMap((it) => it.layers.map((l) => l.outcome))),
          new Set(["reused"]),
        );
        // All that the index names is in the copy.
        for (const { digest } of index.manifests) assert.equal((await copy.manifest(digest)).digest, digest);
        await copy.close();
      });
    } finally {
      folder.remove();
    }
  });

  test("only one converted: the others take part as they are, or are missing as they were", () =>
    over(layout, async (source) => {
      const image = await convertImage(source, undefined, { ...ALL, platforms: ["linux/amd64"] });
      const index = json(image.index);
      assert.equal(index.manifests.length, 4);
      assert.equal(index.manifests[1].annotations, undefined);
      const sparse = new MadeLayout();
      const own = sparse.image([[shared, GZIP]]);
      const absent = { ...sparse.image([[shared, GZIP]], { platform: ARM }), platform: ARM };
      sparse.remove(absent.digest);
      sparse.tag("latest", sparse.index([{ ...own, platform: AMD }, absent]));
      await over(sparse, async (partial) => {
        const made = await convertImage(partial, undefined, { ...ALL, platforms: ["linux/amd64"] });
        assert.equal(json(made.index).manifests[1].digest, absent.digest);
        const all = convertImage(partial, undefined, ALL);
        await assert.rejects(all, { code: "NOT_FOUND" });
      });
    }));
});

test("indexes within an index stay as they are, and are copied with all that they name", async () => {
  const layout = new MadeLayout();
  const inner = layout.image([[gzipLayer({ inner: "x" }), GZIP]], { platform: ARM });
  const nested = layout.index([{ ...inner, platform: ARM }]);
  const outer = layout.image([[gzipLayer({ outer: "x" }), GZIP]]);
  layout.tag("latest", layout.index([{ ...outer, platform: AMD }, nested]));
  const folder = tempFolder("nested");
  try {
    await over(layout, async (source) => {
      const image = await convertImage(source, undefined, ALL);
      assert.equal(json(image.index).manifests[1].digest, nested.digest);
      const report = await pushArtifacts(source, image, new LayoutDestination(folder.path), { tag: "a" });
      assert.deepEqual(
        report.manifests.map((it) => it.digest),
        [
          image.manifests[0]?.digest,
          inner.digest,
          nested.digest,
          image.images[0]?.index?.digest,
          image.index.digest,
        ],
      );
    });
    const copy = await openSource(`oci:${folder.path}:a`);
    const [layer] = json(await copy.manifest(inner.digest)).layers;
    assert.equal((await copy.blob(layer)).length, layer.size);
    await copy.close();
  } finally {
    folder.remove();
  }
});

describe("layers that get no zTOC", () => {
  const tar = tarOf([["etc/z", Buffer.from("zstd")]]).tar;
  const zstd = zstdCompressSync(tar);

  test("are left out, and said to be", () => {
    const layout = new MadeLayout();
    const layers = [
      [zstd, `${OCI.layer}+zstd`],
      [zstd, DOCKER.layer],
      [tar, OCI.layer],
      [Buffer.from("{}"), "application/vnd.in-toto+json"],
      [gzipLayer({ a: "x" }), GZIP],
      [tar, "application/vnd.docker.image.rootfs.diff.tar"],
    ];
    layout.tag("latest", layout.image(layers));
    return over(layout, async (source) => {
      const { images } = await createIndex(source, undefined, ALL);
      assert.deepEqual(
        images[0]?.layers.map((it) => it.outcome),
        // The second is the first one's bytes, and so its layer.
        ["zstd", "zstd", "indexed", "unsupported", "indexed", "indexed"],
      );
      assert.equal(json(images[0]?.index).layers.length, 3);
    });
  });

  test("zstd that another media type hides", async () => {
    const layout = new MadeLayout();
    layout.tag(
      "latest",
      layout.image([
        [zstd, GZIP],
        [gzipLayer({ a: "x" }), GZIP],
      ]),
    );
    await over(layout, async (source) => {
      const { images } = await createIndex(source, undefined, ALL);
      assert.deepEqual(
        images[0]?.layers.map((it) => it.outcome),
        ["zstd", "indexed"],
      );
    });
  });

  test("alone make no index, and an artifact is no image", () => {
    const layout = new MadeLayout();
    layout.tag("latest", layout.image([[zstd, `${OCI.layer}+zstd`]]));
    const config = layout.json({}, "application/vnd.example.chart.config.v1+json");
    layout.tag(
      "chart",
      layout.json({ schemaVersion: 2, mediaType: OCI.manifest, config, layers: [] }, OCI.manifest),
    );
    return over(layout, async (source) => {
      await assert.rejects(createIndex(source, undefined, ALL), { code: "UNSUPPORTED", message: /zstd/ });
      await assert.rejects(convertImage(source, undefined, ALL), { code: "UNSUPPORTED" });
      await assert.rejects(createIndex(source, "chart", ALL), { code: "UNSUPPORTED", message: /artifact/ });
      await assert.rejects(createIndex(source, "nothing", ALL), { code: "NOT_FOUND" });
    });
  });
});

describe("layers that are not what they should be", () => {
  const made = () => {
    const layout = new MadeLayout();
    layout.tag(
      "latest",
      layout.image([
        [gzipLayer({ a: "x" }), GZIP],
        [layerBytes, GZIP],
      ]),
    );
    return layout;
  };

  test("other bytes than the digest's: DIGEST_MISMATCH, wherever it shows", async () => {
    const changes = [
      // The gzip header's time: inflates, and is another layer.
      [4, [1]],
      // Does not inflate.
      [layerBytes.length >> 1, [0xff, 0xff, 0xff]],
      [layerBytes.length - 2, [0xff, 0xff]],
      // As if it were zstd, which would be left out.
      [0, [0x28, 0xb5, 0x2f, 0xfd]],
    ];
    for (const [at, put] of /** @type {[number, number[]][]} */ (changes)) {
      const layout = made();
      layout.damage(LAYER.digest, (bytes) => bytes.set(put, at));
      await over(layout, (source) =>
        assert.rejects(createIndex(source, undefined, ALL), {
          code: "DIGEST_MISMATCH",
          digest: LAYER.digest,
        }),
      );
    }
  });

  test("made broken: CORRUPT_LAYER", async () => {
    const layout = new MadeLayout();
    const broken = Buffer.from(layerBytes);
    broken[broken.length >> 1] ^= 0x55;
    layout.tag("latest", layout.image([[broken, GZIP]]));
    await over(layout, (source) =>
      assert.rejects(createIndex(source, undefined, ALL), { code: "CORRUPT_LAYER" }),
    );
  });

  test("over a limit: its name is in the error", async () => {
    const layout = made();
    await over(layout, async (source) => {
      const limited = (limits) => createIndex(source, undefined, { ...ALL, limits });
      await assert.rejects(limited({ maxBuildInflated: 1_000_000 }), {
        code: "LIMIT_EXCEEDED",
        limit: "maxBuildInflated",
      });
      await assert.rejects(limited({ maxEntries: 100 }), { code: "LIMIT_EXCEEDED", limit: "maxEntries" });
      const nowhere = createIndex(source, undefined, { ...ALL, platforms: [] });
      await assert.rejects(nowhere, { code: "INVALID_ARGUMENT" });
      await assert.rejects(limited({ maxNothing: 1 }), { code: "INVALID_ARGUMENT" });
      await assert.rejects(createIndex(source, undefined, { ...ALL, spanSize: 0 }), {
        code: "INVALID_ARGUMENT",
      });
    });
  });

  test("longer or shorter than said", async () => {
    async function* bytes(part) {
      yield new Uint8Array(part);
    }
    const options = { size: LAYER.size, digest: LAYER.digest };
    const long = Buffer.concat([layerBytes, Buffer.alloc(1)]);
    await assert.rejects(buildZtoc(bytes(long), options), { code: "DIGEST_MISMATCH" });
    await assert.rejects(buildZtoc(bytes(layerBytes.subarray(0, -1)), options), { code: "NETWORK" });
    await assert.rejects(buildZtoc(bytes(layerBytes.subarray(0, -1))), { code: "CORRUPT_LAYER" });
    await assert.rejects(buildZtoc(bytes(Buffer.alloc(0))), { code: "UNSUPPORTED" });
  });
});

describe("what is not whole is not shown", () => {
  const made = () => {
    const layout = new MadeLayout();
    const small = gzipLayer({ small: "x" });
    layout.tag(
      "latest",
      layout.image([
        [small, GZIP],
        [layerBytes, GZIP],
      ]),
    );
    return { layout, small: sha256(small) };
  };

  test("a blob that cannot be written: no manifest is", async () => {
    const { layout } = made();
    const written = [];
    const destination = /** @type {any} */ ({
      name: "nowhere/a",
      putBlob: async ({ digest }) => {
        if (digest === LAYER.digest) throw new OcipeekError("FORBIDDEN", "no");
        return "uploaded";
      },
      getManifest: async () => undefined,
      putManifest: async (manifest) => written.push(manifest),
      putReferrer: async (manifest) => written.push(manifest),
    });
    await over(layout, async (source) => {
      const image = await convertImage(source, undefined, ALL);
      await assert.rejects(pushArtifacts(source, image, destination), { code: "FORBIDDEN" });
    });
    assert.deepEqual(written, []);
  });

  test("a small layer, which is only copied, is not what its digest says", async () => {
    const registry = await startDockerRegistry();
    const folder = tempFolder("mismatch");
    try {
      const { layout, small } = made();
      layout.damage(small, (bytes) => {
        bytes[5] ^= 1;
      });
      await over(layout, async (source) => {
        const image = await convertImage(source, undefined, { ...ALL, minLayerSize: 1000 });
        assert.deepEqual(
          image.images[0]?.layers.map((it) => it.outcome),
          ["too-small", "indexed"],
        );
        const repository = await registryDestination(`${registry.host}/mismatch`);
        for (const destination of [repository, new LayoutDestination(folder.path)]) {
          const push = pushArtifacts(source, image, destination, { tag: "soci" });
          await assert.rejects(push, { code: "DIGEST_MISMATCH" });
          assert.equal(await destination.getManifest("soci"), undefined);
        }
      });
    } finally {
      await registry.stop();
      folder.remove();
    }
  });

  test("stopped while it is written", async () => {
    const { layout } = made();
    const stop = new AbortController();
    const destination = /** @type {any} */ ({
      name: "nowhere/a",
      putBlob: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new OcipeekError("ABORTED", "stopped")));
          stop.abort();
        }),
      getManifest: async () => undefined,
    });
    await over(layout, async (source) => {
      const artifacts = await createIndex(source, undefined, ALL);
      await assert.rejects(pushArtifacts(source, artifacts, destination, { signal: stop.signal }), {
        code: "ABORTED",
      });
    });
  });
});

describe("connections that break", () => {
  /** Passes on to the registry; of each answer with a blob's bytes at most `most`, then the connection breaks. */
  async function breaking(target, most) {
    const [hostname, port] = target.split(":");
    const ranges = [];
    const server = createServer((incoming, outgoing) => {
      const { method, url, headers } = incoming;
      request({ hostname, port, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        const isLayer = url?.includes(LAYER.digest);
        if (isLayer) ranges.push(headers.range);
        let left = isLayer ? most : Number.POSITIVE_INFINITY;
        answer.on("data", (chunk) => {
          outgoing.write(chunk.subarray(0, Math.max(0, left)));
          left -= chunk.length;
          if (left <= 0) setImmediate(() => outgoing.destroy());
        });
        answer.on("end", () => outgoing.end());
      }).end();
    });
    const own = await listen(server);
    return {
      host: `127.0.0.1:${own}`,
      ranges,
      stop: () => {
        server.closeAllConnections();
        return closeServer(server);
      },
    };
  }

  test("go on where they broke off, and the zTOC is the same", { timeout: 60_000 }, async () => {
    const registry = await startDemoRegistry();
    const faulty = await breaking(registry.host, 700_000);
    try {
      const source = await openSource(`${faulty.host}/${REPOSITORY}:latest`);
      const options = {
        spanSize: 128 << 10,
        minLayerSize: 3_000_000,
        force: true,
        platforms: ["linux/amd64"],
      };
      const { images } = await createIndex(source, undefined, options);
      assert.equal(images[0]?.layers[0]?.ztoc?.digest, ZTOC_128);
      assert.ok(faulty.ranges.length >= 5, `${faulty.ranges.length} requests`);
      const starts = faulty.ranges.slice(1).map((it) => Number(/^bytes=(\d+)-/.exec(it ?? "")?.[1]));
      assert.ok(
        starts.every((at, i) => at > (starts[i - 1] ?? 0)),
        `${starts}`,
      );
      await source.close();
    } finally {
      await faulty.stop();
      await registry.stop();
    }
  });

  test("also those of the caller's own streams", async () => {
    const asked = [];
    async function* from(at) {
      asked.push(at);
      yield new Uint8Array(layerBytes.subarray(at, at + 1_000_000));
      if (at + 1_000_000 < layerBytes.length) throw new TypeError("terminated");
    }
    const { size, digest } = LAYER;
    const ztoc = await buildZtoc(from(0), { spanSize: 128 << 10, size, digest, resume: from });
    assert.equal(ztoc.blob.digest, ZTOC_128);
    assert.deepEqual(asked, [0, 1_000_000, 2_000_000, 3_000_000]);
    await assert.rejects(buildZtoc(from(0), { size }), { name: "TypeError" });
  });

  test("a stop ends it at once, and gives up the store", { timeout: 20_000 }, async () => {
    const stop = new AbortController();
    let cancelled = false;
    const endless = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(layerBytes.subarray(0, 2_000_000))),
      cancel: () => {
        cancelled = true;
      },
    });
    let closed = false;
    const store = new MemoryStore();
    const watched = {
      append: (bytes) => store.append(bytes),
      read: (start, end) => store.read(start, end),
      close: () => {
        closed = true;
      },
    };
    const work = buildZtoc(endless, { signal: stop.signal, store: watched, spanSize: 1 << 16 });
    setTimeout(() => stop.abort(new Error("enough")), 300);
    await assert.rejects(work, { code: "ABORTED", name: "AbortError" });
    assert.ok(cancelled && closed);
    assert.ok(store.size > 0);

    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const later = new AbortController();
    setTimeout(() => later.abort(), 50);
    await assert.rejects(buildZtoc(never, { signal: later.signal }), { code: "ABORTED" });
    await assert.rejects(buildZtoc(never, { signal: AbortSignal.abort() }), { code: "ABORTED" });
  });

  test("a callback that waits pauses it", async () => {
    let paused = 0;
    async function* slow() {
      for (let at = 0; at < layerBytes.length; at += 300_000) {
        yield new Uint8Array(layerBytes.subarray(at, at + 300_000));
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    }
    let running = false;
    const ztoc = await buildZtoc(slow(), {
      spanSize: 128 << 10,
      onProgress: async () => {
        assert.ok(!running, "the layer went on");
        running = true;
        paused += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        running = false;
      },
    });
    assert.equal(ztoc.blob.digest, ZTOC_128);
    assert.ok(paused >= 2);
  });
});

describe("files to prefetch", () => {
  test("their highest layer counts; names as tar has them, and hard links", async () => {
    const layout = new MadeLayout();
    const lower = tarOf([
      ["./etc/a", Buffer.from("lower")],
      ["./etc/only", Buffer.from("below")],
      ["./etc/hard", Buffer.alloc(0), "1", "./etc/only"],
      ["./etc/", Buffer.alloc(0), "5"],
    ]).tar;
    layout.tag(
      "latest",
      layout.image([
        [lower, OCI.layer],
        [gzipLayer({ "etc/a": "upper" }), GZIP],
      ]),
    );
    await over(layout, async (source) => {
      const prefetchFiles = ["/etc/a", "etc/hard", "/etc", "/missing"];
      const { images } = await createIndex(source, undefined, { ...ALL, spanSize: 512, prefetchFiles });
      const [image] = images;
      assert.deepEqual(image?.prefetchMissing, ["/etc", "/missing"]);
      const spans = [];
      for (const blob of image?.prefetch ?? [])
        spans.push(json({ bytes: await blob.read(0, blob.size) }).prefetch_spans);
      // `./etc/only`: its content is block 3 of the tar; the upper layer's file is in its only span.
      assert.deepEqual(spans, [[{ start_span: 3, end_span: 3 }], [{ start_span: 0, end_span: 0 }]]);
      const listed = json(image?.index).layers.slice(-2);
      assert.ok(listed.every((it) => it.mediaType === "application/vnd.amazon.soci.prefetch.v1+json"));
    });
  });
});

test("a zTOC that was built is read back: spans and entries", async () => {
  async function* whole() {
    yield new Uint8Array(layerBytes);
  }
  const ztoc = await buildZtoc(whole(), { spanSize: 128 << 10 });
  const facts = await readZtoc(await ztoc.bytes());
  assert.equal(facts.layerSize, LAYER.size);
  assert.equal(facts.compression, "gzip");
  assert.equal(facts.spans.at(-1)?.input[1], LAYER.size);
  assert.deepEqual(
    facts.spans.slice(1).map((it) => it.output[0]),
    facts.spans.slice(0, -1).map((it) => it.output[1]),
  );
  const toybox = facts.entries.find((it) => it.name === "bin/toybox");
  assert.equal(toybox?.type, "file");
  assert.equal(JSON.parse(JSON.stringify(toybox)).size, 467_512);
  await assert.rejects(readZtoc(new Uint8Array(16)), { code: "CORRUPT_ZTOC" });
  await ztoc.close();
  assert.throws(() => ztoc.spansOf("/bin/toybox"), { code: "INVALID_ARGUMENT" });
});
