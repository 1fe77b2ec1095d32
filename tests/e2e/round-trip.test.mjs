// Round trips: images that have no index get one, are pushed to a real docker-registry, copied about by skopeo, and read
// lazily again, every file right.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open, openSource } from "ocipeek";
import { convertImage, createIndex, pushArtifacts } from "ocipeek/build";
import { LayoutDestination } from "ocipeek/node";
import { registryDestination } from "ocipeek/push";
import { DEMO, pushLayout, startDockerRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { ARM_FILES, writeMultiPlatform } from "../lib/multi-platform.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { startReferrersRegistry } from "../lib/referrers-registry.mjs";
import { skopeo, skopeoCopy } from "../lib/skopeo.mjs";
import { INDEX, MANIFEST, V1, V2 } from "../lib/soci-images.mjs";
import { FALLBACK_TAG, IMAGE } from "../lib/variants.mjs";
import { checkImage } from "../shared/check-image.mjs";

const ALL = { minLayerSize: 0, spanSize: 128 << 10 };
const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const raw = async (reference) => {
  const text = await skopeo("inspect", "--tls-verify=false", "--raw", reference);
  return { digest: sha256(text), json: JSON.parse(text) };
};
const status = async (url, init = {}) => {
  const answer = await fetch(url, init);
  await answer.body?.cancel();
  return answer.status;
};

/** Every path and every file of the demo, read by an index of `version`; but for `whole`, lazily. Gives the index's digest. */
async function isWholeDemo(reference, version, { all = true, whole = /** @type {number[]} */ ([]) } = {}) {
  const options = { platform: "linux/amd64", attachedIndex: version === "v1" };
  const lists = { merged: merged(), ...(all ? { layers: layers() } : {}) };
  const report = await checkImage(open, { reference, options, ...lists });
  assert.deepEqual(report.problems, []);
  assert.deepEqual(
    report.layerReads,
    Array.from({ length: 6 }, (_, i) => (whole.includes(i) ? "whole" : "ztoc")),
  );
  assert.ok(report.files > 200, `${report.files}`);
  const image = await open(reference, options);
  assert.equal(image.soci?.version, version);
  // Of 4.6 MB, one small file takes what says where it is, and its spans.
  await image.readFile("/etc/services");
  const lazily = image.layers.filter((it) => it.read === "ztoc").map((it) => it.digest.slice(7));
  const asked = image.stats.log.filter(({ target }) => lazily.some((hex) => target.includes(hex)));
  assert.ok(asked.length > 0 && asked.every(({ range }) => range), JSON.stringify(asked));
  assert.ok(image.stats.bytes < image.stats.imageBytes / 3, `${image.stats.bytes}`);
  const { digest } = image.soci;
  await image.close();
  return digest;
}

/** The files of `linux/arm64`. */
async function isWholeArm(reference) {
  const image = await open(reference, { platform: "linux/arm64" });
  assert.equal(image.soci?.version, "v2");
  assert.ok(image.layers.every(({ read }) => read === "ztoc"));
  const found = new Map();
  for await (const { type, path } of image.walk("/"))
    if (type === "file") found.set(path.slice(1), Buffer.from(await image.readFile(path)));
  assert.deepEqual([...found.keys()].sort(), [...ARM_FILES.keys()].sort());
  for (const [path, content] of ARM_FILES) assert.ok(content.equals(found.get(path)), path);
  await image.close();
}

describe("an image that has no index", () => {
  let registry;
  before(async () => {
    registry = await startDockerRegistry();
  });
  after(() => registry?.stop());

  test("gets one in a registry without the API of referrers, and is read by it", async () => {
    const reference = `${registry.host}/plain:latest`;
    const api = `http://${registry.host}/v2/plain`;
    await skopeoCopy(`oci:${DEMO}:latest`, `docker://${reference}`);
    assert.equal(await status(`${api}/referrers/${IMAGE}`), 404);
    assert.equal(await status(`${api}/manifests/${FALLBACK_TAG}`), 404);
    const bare = await open(reference, { platform: "linux/amd64" });
    assert.equal(bare.soci, undefined);
    assert.equal(bare.digest, IMAGE);
    await bare.close();

    const source = await openSource(reference);
    const made = await createIndex(source, undefined, ALL);
    const report = await pushArtifacts(source, made, await registryDestination(reference));
    const [{ index, ztocs, subject, layers: outcomes }] = made.images;
    assert.equal(subject.digest, IMAGE);
    assert.deepEqual(
      outcomes.map((it) => it.outcome),
      Array.from({ length: 6 }, () => "indexed"),
    );
    // 6 zTOCs and the config.
    assert.deepEqual(
      report.blobs.map((it) => it.outcome),
      Array.from({ length: 7 }, () => "uploaded"),
    );
    await made.close();
    await source.close();

    // As others see it.
    const listed = await raw(`docker://${registry.host}/plain:${FALLBACK_TAG}`);
    assert.deepEqual(
      listed.json.manifests.map((it) => [it.digest, it.artifactType]),
      [[index.digest, V1]],
    );
    const found = await raw(`docker://${registry.host}/plain@${index.digest}`);
    assert.equal(found.digest, index.digest);
    assert.equal(found.json.config.mediaType, V1);
    assert.equal(found.json.subject.digest, IMAGE);
    for (const { digest, size } of found.json.layers) {
      const answer = await fetch(`${api}/blobs/${digest}`);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      assert.deepEqual([sha256(bytes), bytes.length], [digest, size]);
    }
    assert.deepEqual(
      found.json.layers.map((it) => it.digest),
      ztocs.map((it) => it.digest),
    );
    assert.equal(await isWholeDemo(reference, "v1"), index.digest);
  });

  for (const filters of [true, false]) {
    const kind = filters ? "filters" : "does not filter";
    test(`gets one in a registry with that API, which ${kind}`, async () => {
      const front = await startReferrersRegistry(registry.host, { filters });
      try {
        const repository = filters ? "api-filters" : "api";
        const reference = `${front.host}/${repository}:latest`;
        await skopeoCopy(`oci:${DEMO}:latest`, `docker://${reference}`);
        const source = await openSource(reference);
        const destination = await registryDestination(reference);
        const digests = [];
        // Two, of which the first that is listed counts.
        for (const spanSize of [1 << 20, 64 << 10]) {
          const made = await createIndex(source, undefined, { ...ALL, spanSize, force: true });
          await pushArtifacts(source, made, destination);
          digests.push(made.images[0].index.digest);
          await made.close();
        }
        const referrers = await source.referrers(IMAGE, V1);
        assert.deepEqual(
          referrers.map((it) => it.digest),
          digests,
        );
        await source.close();
        assert.equal(await isWholeDemo(reference, "v1"), digests[0]);
        // Nobody wrote, or looked for, the tag that stands in where there is no such API.
        assert.deepEqual(
          front.seen.filter((it) => it.includes(FALLBACK_TAG)),
          [],
        );
        const tags = await (await fetch(`http://${front.host}/v2/${repository}/tags/list`)).json();
        assert.deepEqual(tags.tags, ["latest"]);
      } finally {
        await front.close();
      }
    });
  }
});

for (const kind of ["oci", "docker"]) {
  describe(`an image for two platforms, ${kind === "oci" ? "with an attestation" : "of Docker's types"}`, () => {
    let registry;
    let folder;
    let made;
    let image;
    const at = (repository, digest = "") =>
      `${registry.host}/${kind}/${repository}${digest ? `@${digest}` : repository === "plain" ? `:${kind}` : ":1"}`;

    before(async () => {
      folder = tempFolder(`platforms-${kind}`);
      made = writeMultiPlatform(join(folder.path, "made"));
      registry = await startDockerRegistry();
      await pushLayout(registry.host, join(folder.path, "made"), `${kind}/plain`);
      assert.equal((await raw(`docker://${at("plain")}`)).digest, made[kind].digest);

      const source = await openSource(at("plain"));
      image = await convertImage(source, undefined, { ...ALL, platforms: "all" });
      await pushArtifacts(source, image, await registryDestination(at("soci")), { tag: "1" });
      await image.close();
      await source.close();
    });
    after(async () => {
      await registry?.stop();
      folder?.remove();
    });

    test("is converted: indexes beside manifests that name them, the rest as it was", async () => {
      const { digest, json } = await raw(`docker://${at("soci")}`);
      assert.equal(digest, image.index.digest);
      assert.equal(json.mediaType, INDEX);
      const before = (await raw(`docker://${at("plain")}`)).json.manifests;
      const of = (list, architecture) => list.filter((it) => it.platform.architecture === architecture);
      for (const architecture of ["amd64", "arm64"]) {
        const [manifest, soci, ...others] = of(json.manifests, architecture);
        assert.deepEqual([others, manifest.mediaType], [[], MANIFEST]);
        assert.deepEqual(
          [soci.artifactType, soci.annotations["com.amazon.soci.image-manifest-digest"]],
          [V2, manifest.digest],
        );
        const [original] = of(before, architecture);
        assert.deepEqual([manifest.platform, soci.platform], [original.platform, original.platform]);
        const old = (await raw(`docker://${at("plain", original.digest)}`)).json;
        const now = await raw(`docker://${at("soci", manifest.digest)}`);
        assert.equal(now.digest, manifest.digest);
        assert.equal(now.json.annotations["com.amazon.soci.index-digest"], soci.digest);
        // Layers are shared, and keep even Docker's types.
        assert.deepEqual(now.json.layers, old.layers);
        assert.equal(now.json.config.digest, old.config.digest);
        const index = (await raw(`docker://${at("soci", soci.digest)}`)).json;
        assert.deepEqual(
          index.layers.map((it) => it.annotations["com.amazon.soci.image-layer-digest"]),
          old.layers.map((it) => it.digest),
        );
      }
      // As the reference does it, a descriptor has the annotations of its manifest, of which this one has none.
      assert.deepEqual(
        of(json.manifests, "unknown"),
        of(before, "unknown").map(({ annotations: _, ...it }) => it),
      );
      assert.equal(json.manifests.length, kind === "oci" ? 5 : 4);
    });

    test("of the platforms asked for only, and stated as they were asked for", async () => {
      const source = await openSource(at("plain"));
      for (const [asked, variant] of [
        ["linux/arm64", undefined],
        ["linux/arm64/v8", "v8"],
      ]) {
        const one = await convertImage(source, undefined, { ...ALL, platforms: [asked] });
        const { manifests } = JSON.parse(new TextDecoder().decode(one.index.bytes));
        const soci = manifests.filter(({ artifactType }) => artifactType === V2);
        assert.deepEqual(
          soci.map(({ platform }) => platform),
          [{ architecture: "arm64", os: "linux", ...(variant ? { variant } : {}) }],
        );
        await one.close();
      }
      await source.close();
    });

    test("is read lazily, each platform by its own index", async () => {
      await isWholeDemo(at("soci"), "v2");
      await isWholeArm(at("soci"));
    });

    test("goes by skopeo, manifest by manifest, to a registry and into a layout: the same digests, still lazy", async () => {
      const copy = ["copy", "--quiet", "--preserve-digests", "--src-tls-verify=false"];
      const layout = join(folder.path, "copied");
      const { manifests } = (await raw(`docker://${at("soci")}`)).json;
      for (const { digest } of manifests) {
        const from = `docker://${at("soci", digest)}`;
        await skopeo(...copy, "--dest-tls-verify=false", from, `docker://${at("again", digest)}`);
        await skopeo(...copy, from, `oci:${layout}:${digest.slice(7)}`);
        assert.equal((await raw(`docker://${at("again", digest)}`)).digest, digest);
        assert.equal((await raw(`oci:${layout}:${digest.slice(7)}`)).digest, digest);
      }
      const of = (architecture) => manifests.find((it) => it.platform.architecture === architecture).digest;
      await isWholeDemo(at("again", of("amd64")), "v2", { all: false });
      await isWholeDemo(`oci:${layout}:${of("amd64").slice(7)}`, "v2", { all: false });
      await isWholeArm(at("again", of("arm64")));
      await isWholeArm(`oci:${layout}:${of("arm64").slice(7)}`);
    });

    test("goes by skopeo as a whole, which writes some of it anew, and is still lazy", async () => {
      const copy = ["copy", "--quiet", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"];
      await skopeo(...copy, `docker://${at("soci")}`, `docker://${at("all")}`);
      const { manifests } = (await raw(`docker://${at("all")}`)).json;
      const before = (await raw(`docker://${at("soci")}`)).json.manifests;
      assert.deepEqual(
        manifests.slice(1).map((it) => it.digest),
        before.slice(1).map((it) => it.digest),
      );
      // The demo's last layer is a plain tar, which it packs where the registry does not have it yet.
      const packed = manifests[0].digest !== before[0].digest;
      await isWholeDemo(at("all"), "v2", { all: false, whole: packed ? [5] : [] });
      await isWholeArm(at("all"));
    });

    test("converted into a layout, is the same, and taken by skopeo from there", async () => {
      const source = await openSource(at("plain"));
      const again = await convertImage(source, undefined, { ...ALL, platforms: "all" });
      assert.equal(again.index.digest, image.index.digest);
      const layout = join(folder.path, "written");
      await pushArtifacts(source, again, new LayoutDestination(layout), { tag: "1" });
      await again.close();
      await source.close();
      assert.equal((await raw(`oci:${layout}:1`)).digest, image.index.digest);
      await isWholeDemo(`oci:${layout}:1`, "v2", { all: false });
      await isWholeArm(`oci:${layout}:1`);
      await skopeo(
        "copy",
        "--quiet",
        "--all",
        "--dest-tls-verify=false",
        `oci:${layout}:1`,
        `docker://${at("from-layout")}`,
      );
      await isWholeArm(at("from-layout"));
    });

    test("skopeo takes one platform of it", async () => {
      for (const [arch, count] of /** @type {[string, number][]} */ ([
        ["amd64", 6],
        ["arm64", 2],
      ])) {
        const inspected = JSON.parse(
          await skopeo("inspect", "--tls-verify=false", "--override-arch", arch, `docker://${at("soci")}`),
        );
        assert.deepEqual([inspected.Architecture, inspected.Layers.length], [arch, count]);
      }
    });
  });
}
