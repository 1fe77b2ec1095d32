// What a cold read costs, request by request, against a real docker-registry.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { open } from "ocipeek";
import { ROOT } from "../../scripts/lib/run.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { FALLBACK_TAG, IMAGE, layout, v1Indexes } from "../lib/variants.mjs";

/** Of this machine's registries alone it is asked first whether they speak TLS, once in a process: not here. */
const plainHttp = true;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const lines = new Map(merged().map((line) => [line.path, line]));
const blob = (digest) => readFileSync(join(DEMO, "blobs", "sha256", digest.slice("sha256:".length)));

/** A path, by the layer that decides it. */
const FILES = [
  ["usr/share/demo/tz/Winnipeg", 5],
  ["etc/services", 2],
  ["app/node_modules/fflate/CHANGELOG.md", 0],
];

/** `kind what bytes` of each request, ranges left out; the order of parallel requests is not ours to say. */
const short = (/** @type {import("ocipeek").RequestRecord} */ { target, bytes, range }) => {
  const [, kind, what] = /\/v2\/demo\/(manifests|blobs|referrers)\/(.*)$/.exec(target) ?? [];
  return range ? `range of ${what}` : `${kind} ${what} ${bytes}`;
};

const manifestLine = (what, digest = what) =>
  `manifests ${what} ${layout.manifests.get(digest).bytes.length}`;

/** The zTOCs of the layers from the top down to the one that decides. */
function ztocLines(soci, image, layer) {
  const layers = layout.manifests.get(image).json.layers.slice(layer);
  return layers.map(({ digest }) => {
    const ztoc = soci.layers.find((l) => l.annotations["com.amazon.soci.image-layer-digest"] === digest);
    return `blobs ${ztoc.digest} ${ztoc.size}`;
  });
}

/** A v2 tag's parts: the index, the image manifest and the SOCI manifest. */
function v2(tag) {
  const index = layout.manifests.get(layout.tags.get(tag));
  const soci = index.json.manifests.find((m) => m.artifactType !== undefined).digest;
  const image = index.json.manifests.find((m) => m.artifactType === undefined).digest;
  return { index: index.digest, soci, image };
}

/** Length of the gzip header in front of the first span, which no digest covers: 10 bytes and the file's name. */
const headerLength = (gzip) => (gzip[3] & 8 ? gzip.indexOf(0, 10) + 1 : 10);

/** The range asked for is exactly one span (the first has the gzip header before it): its digest is in the zTOC. */
function assertOneSpan(request, soci) {
  const layer = request.target.slice(request.target.lastIndexOf("sha256:"));
  const ztoc = soci.layers.find((l) => l.annotations["com.amazon.soci.image-layer-digest"] === layer);
  const [start, end] = request.range;
  assert.equal(request.status, 206);
  assert.equal(request.bytes, end - start);
  const bytes = blob(layer);
  const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const digest = `sha256:${sha256(bytes.subarray(start === 0 && gzip ? headerLength(bytes) : start, end))}`;
  assert.ok(blob(ztoc.digest).includes(digest), `bytes ${start}-${end} of ${layer} are one span`);
}

describe("the cost of a cold cat by tag", () => {
  let registry;
  const measured = new Map();
  const platform = "linux/amd64";
  before(async () => {
    registry = await startDemoRegistry();
  });
  after(() => registry?.stop());

  /** Closed after each test: what is open alike is shared, and costs nothing. */
  const images = [];
  afterEach(async () => {
    for (const image of images.splice(0)) await image.close();
  });
  const openCold = async (tag, options = {}) => {
    const image = await open(`${registry.host}/${REPOSITORY}:${tag}`, { platform, plainHttp, ...options });
    images.push(image);
    return image;
  };
  /** Tells which platform an image is for that came out of no index, where one was asked for. */
  const configLine = () => {
    const { digest, size } = layout.manifests.get(IMAGE).json.config;
    return `blobs ${digest} ${size}`;
  };

  const readOne = async (tag, path, options = {}) => {
    const image = await openCold(tag, options);
    assert.equal(sha256(await image.readFile(`/${path}`)), lines.get(path).sha256);
    return image;
  };

  for (const tag of ["latest-soci", "latest-soci-4m", "latest-soci-head"]) {
    for (const [path, layer] of FILES) {
      test(`${tag}: /${path}`, async () => {
        const image = await readOne(tag, path);
        const { index, soci, image: manifest } = v2(tag);
        const sociJson = layout.manifests.get(soci).json;
        const { log, requests, bytes } = image.stats;
        const ranges = log.filter((r) => r.range);
        const expected = [
          manifestLine(tag, index),
          manifestLine(manifest),
          manifestLine(soci),
          ...ztocLines(sociJson, manifest, layer),
          `range of ${layout.manifests.get(manifest).json.layers[layer].digest}`,
        ];
        assert.deepEqual(log.map(short).sort(), expected.sort());
        assert.equal(requests, expected.length);
        assert.equal(ranges.length, 1);
        assertOneSpan(ranges[0], sociJson);
        assert.equal(
          bytes,
          log.reduce((sum, r) => sum + r.bytes, 0),
        );
        measured.set(`${tag} ${path}`, `${requests} | ${bytes.toLocaleString("en")}`);
        console.log(
          `measured: ${tag} /${path}: ${requests} requests, ${bytes} bytes of ${image.stats.imageBytes}`,
        );
      });
    }
  }

  test("the README says the same", () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const rows = [...readme.matchAll(/^\| `\/(\S+)`, .*\| (128 KiB|4 MiB) \| ([0-9]+ \| [0-9,]+) \|$/gm)];
    assert.ok(rows.length >= 3);
    for (const [row, path, spans, cost] of rows) {
      assert.equal(cost, measured.get(`latest-soci${spans === "4 MiB" ? "-4m" : ""} ${path}`), row);
    }
  });

  test("v1 by the fallback tag, where the registry has no referrers API", async () => {
    const [path, layer] = FILES[0];
    const image = await readOne("latest", path, { attachedIndex: true });
    const sociJson = layout.manifests.get(v1Indexes[0]).json;
    const { log } = image.stats;
    const [referrers, ...others] = ["referrers", "manifests", "blobs"].flatMap((kind) =>
      log.filter((r) => r.target.includes(`/${kind}/`)),
    );
    assert.equal(referrers.status, 404);
    const expected = [
      manifestLine("latest", IMAGE),
      configLine(),
      manifestLine(FALLBACK_TAG, layout.tags.get(FALLBACK_TAG)),
      manifestLine(v1Indexes[0]),
      ...ztocLines(sociJson, IMAGE, layer),
      `range of ${layout.manifests.get(IMAGE).json.layers[layer].digest}`,
    ];
    assert.deepEqual(others.map(short).sort(), expected.sort());
    assertOneSpan(
      log.find((r) => r.range),
      sociJson,
    );
  });

  test("without agreement nobody asks what is attached: the layers down to the file's are fetched whole", async () => {
    const [path, layer] = FILES[0];
    const image = await readOne("latest", path);
    const wanted = layout.manifests.get(IMAGE).json.layers.slice(layer);
    const expected = [
      manifestLine("latest", IMAGE),
      configLine(),
      ...wanted.map(({ digest, size }) => `blobs ${digest} ${size}`),
    ];
    assert.deepEqual(
      image.stats.log
        .filter(({ status }) => status === 200)
        .map(short)
        .sort(),
      expected.sort(),
    );
    assert.ok(image.stats.log.every(({ purpose }) => purpose !== "referrers"));
    assert.deepEqual([image.soci, image.discovery], [undefined, undefined]);
  });

  test("a second file in the same span asks for nothing", async () => {
    const image = await readOne("latest-soci", "usr/share/demo/tz/Winnipeg");
    const before = image.stats.requests;
    const neighbour = "usr/share/demo/tz/Yakutat";
    assert.equal(sha256(await image.readFile(`/${neighbour}`)), lines.get(neighbour).sha256);
    await image.stat("/usr/share/demo/tz");
    assert.equal(image.stats.requests, before);
  });

  test("files of one span read at once share its request", async () => {
    const image = await openCold("latest-soci");
    const paths = ["Winnipeg", "Yakutat", "Whitehorse"].map((n) => `usr/share/demo/tz/${n}`);
    const found = paths.filter((p) => lines.get(p)?.type === "reg");
    await Promise.all(found.map((p) => image.readFile(`/${p}`)));
    assert.equal(image.stats.log.filter((r) => r.range).length, 1);
  });

  test("a path that does not exist costs no range", async () => {
    const image = await openCold("latest-soci");
    await assert.rejects(image.readFile("/no/such/file"), { code: "ENOENT" });
    assert.equal(image.stats.log.filter((r) => r.range).length, 0);
  });

  test("one bad bit in storage: nothing is handed out", async () => {
    // docker-registry does not check what it serves, as a broken disk behind it would show.
    const image = await open(`${registry.host}/${REPOSITORY}:latest-soci`, {
      platform,
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        if (answer.status !== 206) return answer;
        const bytes = new Uint8Array(await answer.arrayBuffer());
        bytes[bytes.length >> 1] ^= 1;
        return new Response(bytes, { status: 206, headers: answer.headers });
      },
    });
    await assert.rejects(image.readFile("/etc/services"), { code: "DIGEST_MISMATCH" });
    assert.equal(image.stats.log.filter((r) => r.range).length, 2);
  });
});
