// SOCI indexes verified against the layers: those of AWS's own tool are right, each kind of forgery is told.
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MemoryCache, open, openSource } from "ocipeek";
import { convertImage, createIndex, verifyIndex } from "ocipeek/build";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { forgeries } from "../lib/forged-ztoc.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { readJson, sha256 } from "../lib/soci-images.mjs";

const IMAGE = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";
const FALLBACK = `sha256-${IMAGE.slice(7)}`;
const SERVICES = merged().find((line) => line.path === "etc/services");
const AMD64 = { platforms: ["linux/amd64"] };
const layerDigests = readJson(DEMO, IMAGE).layers.map(({ digest }) => digest);
const outcomes = ({ layers }) => layers.map(({ outcome }) => outcome);

/** The indexes of version 1 that are attached to the demo image, in the layout's order. */
const attached = () => {
  const { manifests } = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
  const list = manifests.find(
    ({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === FALLBACK,
  );
  return readJson(DEMO, list.digest).manifests.map(({ digest }) => digest);
};

describe("soci verify", () => {
  let folder;
  before(() => {
    folder = tempFolder("verify");
  });
  after(() => folder.remove());

  /** Verifies an index of a layout. */
  const verify = async (reference, options = {}) => {
    const source = await openSource(reference);
    try {
      return await verifyIndex(source, undefined, { ...AMD64, ...options });
    } finally {
      await source.close();
    }
  };

  /** The demo image with an index put first among those attached, in which one layer's zTOC is `ztoc`. */
  const withForged = (name, at, ztoc, annotations = {}) => {
    const dir = join(folder.path, name);
    cpSync(DEMO, dir, { recursive: true });
    const blob = (bytes, mediaType) => {
      const digest = sha256(bytes);
      writeFileSync(join(dir, "blobs", "sha256", digest.slice(7)), bytes);
      return { mediaType, digest, size: bytes.length };
    };
    const [first] = attached();
    const index = readJson(dir, first);
    const layer = index.layers[at];
    index.layers[at] = { ...layer, ...blob(ztoc ?? readBlob(layer.digest), layer.mediaType) };
    index.layers[at].annotations = { ...layer.annotations, ...annotations };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const forged = blob(Buffer.from(JSON.stringify(index)), mediaType);
    const layout = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
    const list = layout.manifests.find(
      (it) => it.annotations?.["org.opencontainers.image.ref.name"] === FALLBACK,
    );
    const referrers = readJson(dir, list.digest);
    referrers.manifests.unshift({ ...referrers.manifests[0], ...forged });
    Object.assign(list, blob(Buffer.from(JSON.stringify(referrers)), list.mediaType));
    writeFileSync(join(dir, "index.json"), JSON.stringify(layout));
    return { reference: `oci:${dir}:latest`, forged: forged.digest };
  };
  const readBlob = (digest) => readFileSync(join(DEMO, "blobs", "sha256", digest.slice(7)));
  const ztocOf = (at) => readBlob(readJson(DEMO, attached()[0]).layers[at].digest);

  test("all zTOCs of AWS's tool are equal to what is built, and kept", async () => {
    const checked = new Set();
    const [small, large] = attached();
    for (const [tag, sociIndex] of [
      ["latest", small],
      ["latest", large],
      ["latest-soci", undefined],
      ["latest-soci-4m", undefined],
      ["latest-soci-head", undefined],
    ]) {
      const cache = new MemoryCache();
      const seen = [];
      const report = await verify(`oci:${DEMO}:${tag}`, {
        sociIndex,
        cache,
        onProgress: (it) => seen.push(it),
      });
      assert.equal(report.verified, true, JSON.stringify(report));
      const [image] = report.images;
      assert.deepEqual(outcomes(image), new Array(6).fill("equal"));
      assert.equal(image.index.version, tag === "latest" ? "v1" : "v2");
      assert.ok(image.layers.every(({ differenceCount }) => differenceCount === 0));
      for (const { ztoc } of image.layers) checked.add(ztoc.digest);
      // Each layer streamed once.
      const bytes = image.layers.reduce((sum, { size }) => sum + size, 0);
      assert.equal(seen.at(-1).bytes, bytes);
      // A reader with that cache reads by what was verified, and asks nobody for an index.
      const reader = await open(`oci:${DEMO}:latest`, { cache, sociIndex: false });
      assert.equal(sha256(await reader.readFile("/etc/services")), `sha256:${SERVICES.sha256}`);
      assert.equal((await reader.stat("/etc/services")).verified.index, "checked");
      await reader.findKeptIndexes();
      assert.deepEqual(
        reader.layers.map(({ read, ztoc }) => [read, ztoc?.digest]),
        image.layers.map(({ ztoc }) => ["ztoc", ztoc.digest]),
      );
      await reader.close();
    }
    assert.equal(checked.size, 12);
  });

  test("each kind of forgery is told, and not kept", async () => {
    // The second layer has all kinds of entries; windows matter in the first.
    const kinds = [...forgeries(ztocOf(1)).keys()];
    assert.ok(kinds.length >= 22, kinds.join());
    /** @type {[number, string[]][]} */
    const lies = [
      [0, ["window", "window, last byte", "bits", "in", "out", "span_digests", "order", "entry"]],
      [1, kinds],
    ];
    for (const [at, names] of lies) {
      const forged = forgeries(ztocOf(at));
      for (const name of names) {
        const field = name.split(",")[0];
        const { reference, forged: sociIndex } = withForged(
          `${at}-${name}`.replace(/\W+/g, "-"),
          at,
          forged.get(name),
        );
        const cache = new MemoryCache();
        const { verified, images } = await verify(reference, { cache });
        assert.equal(verified, false, name);
        assert.equal(images[0].index.digest, sociIndex, "it is the first that is listed");
        const layer = images[0].layers[at];
        if (layer.outcome === "broken") assert.match(layer.reason, /^CORRUPT_ZTOC/, name);
        else {
          assert.equal(layer.outcome, "different", name);
          const told = layer.differences.map((it) => it.field);
          // Who moves an entry makes another size of header of it, and so on.
          assert.ok(told.includes(field) || told.includes("entry"), `${name}: ${told}`);
          assert.equal(layer.differenceCount, told.length, name);
          if (["window", "in", "bits"].includes(field)) assert.equal(layer.differences[0].checkpoint, 1);
          if (field === "linkname" || field === "mode") assert.ok(layer.differences[0].entry, name);
        }
        assert.equal(cache.get(`index-v1:${layer.digest}`), undefined, name);
        // The others are right, and kept.
        assert.ok(cache.get(`index-v1:${layerDigests[5]}`), name);
      }
    }
  });

  test("the builder does not spread what is merely attached", async () => {
    const { reference } = withForged("spread", 0, forgeries(ztocOf(0)).get("window"));
    const options = { ...AMD64, minLayerSize: 0, spanSize: 128 << 10 };
    const genuine = readJson(DEMO, attached()[0]).layers.map(({ digest }) => digest);
    for (const make of [createIndex, convertImage]) {
      const source = await openSource(reference);
      const made = await make(source, undefined, options);
      assert.deepEqual(
        made.images[0].layers.map(({ outcome, ztoc }) => [outcome, ztoc?.digest]),
        genuine.map((digest) => ["indexed", digest]),
      );
      await made.close();
      await source.close();
    }
  });

  test("what the index itself says of a layer is compared too", async () => {
    for (const [name, annotation] of [
      ["disable-xattrs", { "com.amazon.soci.disable-xattrs": "true" }],
      ["span-size", { "com.amazon.soci.span-size": "4096" }],
    ]) {
      const { reference } = withForged(name, 1, undefined, annotation);
      const { images } = await verify(reference);
      const [{ outcome, differences }] = images[0].layers.slice(1);
      assert.deepEqual([outcome, differences.map(({ field }) => field)], ["different", [name]]);
    }
  });

  test("a broken layer or way is an error, not a verdict; a missing index is one", async () => {
    const dir = join(folder.path, "damaged");
    cpSync(DEMO, dir, { recursive: true });
    const file = join(dir, "blobs", "sha256", layerDigests[0].slice(7));
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    await assert.rejects(verify(`oci:${dir}:latest`), { code: "DIGEST_MISMATCH", digest: layerDigests[0] });
    await assert.rejects(verify(`oci:${DEMO}:latest`, { sociIndex: IMAGE }), { code: "UNSUPPORTED" });
    await assert.rejects(verify(`oci:${DEMO}:latest`, { sociIndex: `sha256:${"0".repeat(64)}` }), {
      code: "NOT_FOUND",
    });
    const stop = AbortSignal.abort();
    await assert.rejects(verify(`oci:${DEMO}:latest`, { signal: stop }), { code: "ABORTED" });
  });

  test("the command: verdict, differences, exit code, JSON; then it counts as checked", async () => {
    const env = { XDG_CACHE_HOME: join(folder.path, "cache") };
    const good = await ocipeek(["soci", "verify", `oci:${DEMO}:latest`], { env });
    assert.equal(good.code, 0, good.stderr);
    const text = String(good.stdout);
    assert.match(text, /^Platform: linux\/amd64, sha256:42a1/);
    assert.match(text, /^Index: {4}sha256:\w{64}, v1, attached to the image$/m);
    assert.match(text, /^Result: {3}verified: 6 of 6 layers have a zTOC, and it says what the layer says$/m);
    assert.equal(text.match(/ equal /g).length, 6);
    const layers = await ocipeek(["layers", "--json", "--no-soci", `oci:${DEMO}:latest`], { env });
    assert.ok(JSON.parse(String(layers.stdout)).every(({ read }) => read === "ztoc"));

    const { reference } = withForged("command", 0, forgeries(ztocOf(0)).get("window"));
    const bad = await ocipeek(["soci", "verify", reference], { env });
    assert.equal(bad.code, 4, bad.stderr);
    assert.match(
      String(bad.stdout),
      /^layer 0: checkpoint 1: window is 0x\w\w at 20000, 1 bytes differ, of the layer 0x\w\w$/m,
    );
    assert.match(String(bad.stdout), /^Result: {3}NOT verified$/m);
    const json = await ocipeek(["soci", "verify", "--json", "-p", "linux/amd64", reference], { env });
    assert.equal(json.code, 4);
    const report = JSON.parse(String(json.stdout));
    assert.deepEqual([report.verified, report.images[0].layers[0].outcome], [false, "different"]);
    const quiet = await ocipeek(["soci", "verify", "-q", reference], { env });
    assert.deepEqual([quiet.code, String(quiet.stdout), quiet.stderr], [4, "", ""]);
    const named = await ocipeek(["soci", "verify", "--soci-index", attached()[1], reference], { env });
    assert.equal(named.code, 0, String(named.stdout));
    const help = await ocipeek(["soci", "verify", "--help"]);
    assert.match(String(help.stdout), /--soci-index DIGEST/);
  });
});
