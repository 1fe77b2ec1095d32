// The builder of zTOCs as wasm: what C zlib's zran and the native builder say, and how much memory it takes.
import assert from "node:assert/strict";
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { after, before, describe, test } from "node:test";
import { createGzip } from "node:zlib";
import { buildZtoc } from "ocipeek/build";
import { initSync, ZtocBuilder } from "../../dist/wasm/ocipeek_build.js";
import { ROOT, run } from "../../scripts/lib/run.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { tarHeader } from "../lib/synthetic-image.mjs";

let folder;
before(() => (folder = tempFolder("oracle")));
after(() => folder.remove());

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return `sha256:${hash.digest("hex")}`;
};

describe("random layers", () => {
  let cases;
  before(
    async () => {
      // That test holds each against zran, and writes it down.
      const env = { OCIPEEK_ORACLE_CASES: join(folder.path, "cases") };
      mkdirSync(env.OCIPEEK_ORACLE_CASES);
      await run("cargo", ["test", "--quiet", "--all-features", "--test", "oracle", "layers_for_wasm"], {
        env,
        timeout: 900,
      });
      const read = (name) => readFileSync(join(env.OCIPEEK_ORACLE_CASES, name));
      cases = JSON.parse(read("cases.json").toString()).map((c) => ({ ...c, bytes: read(c.layer) }));
    },
    { timeout: 900_000 },
  );

  function* pieces({ bytes, piece }) {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  }

  test("give the zTOCs that zran gives, with the runtime's SHA-256", async () => {
    let spans = 0;
    for (const one of cases) {
      const { spanSize, compression, layer } = one;
      const layerBytes = (async function* () {
        yield* pieces(one);
      })();
      const built = await buildZtoc(layerBytes, { spanSize, diffId: true });
      const ztoc = await built.bytes();
      await built.close();
      assert.equal(sha256(ztoc), one.ztoc, layer);
      assert.deepEqual(
        {
          ztoc: built.blob.digest,
          ztocSize: built.blob.size,
          layerDigest: built.layerDigest,
          layerSize: built.layerSize,
          diffId: built.diffId,
          tarSize: built.tarSize,
          archiveSize: built.archiveSize,
          spans: built.spans,
          entries: built.entries,
          needsXattrs: built.needsXattrs,
          compression: built.compression,
        },
        {
          ztoc: one.ztoc,
          ztocSize: ztoc.length,
          layerDigest: one.layerDigest,
          layerSize: one.bytes.length,
          diffId: one.diffId,
          tarSize: one.tarSize,
          archiveSize: one.archiveSize,
          spans: one.spans,
          entries: one.entries,
          needsXattrs: one.needsXattrs,
          compression,
        },
        layer,
      );
      spans += built.spans;
    }
    assert.equal(cases.length, 120);
    assert.ok(spans > 1000, `${spans}`);
  });

  test("and with wasm's own, as in browsers", () => {
    initSync({ module: readFileSync(join(ROOT, "dist/wasm/ocipeek_build_bg.wasm")) });
    for (const one of cases) {
      const { spanSize, compression, layer } = one;
      const options = { spanSize, buildTool: "AWS SOCI CLI v0.2", diffId: true };
      const builder = new ZtocBuilder(compression, options);
      const checkpoints = [];
      for (const piece of pieces(one)) {
        builder.push(piece);
        checkpoints.push(builder.takeCheckpoints());
      }
      assert.equal(builder.digest(), one.layerDigest, layer);
      const built = builder.finish();
      const [front, ...back] = built.takePieces();
      assert.equal(sha256(front, ...checkpoints, ...back), one.ztoc, layer);
      assert.equal(built.facts().diffId, one.diffId, layer);
      built.free();
      builder.free();
    }
  });
});

describe("a layer of 200 MB", () => {
  const SIZE = 200_000_000;
  const FILE = 5_000_000;
  let layer;
  let diffId;

  before(async () => {
    layer = join(folder.path, "layer.tar.gz");
    const hash = createHash("sha256");
    // Half noise, half text, of which zlib makes blocks of every kind.
    const file = Buffer.alloc(FILE);
    async function* tar() {
      for (let made = 0, i = 0; made < SIZE; made += FILE, i++) {
        for (let at = 0; at < FILE; at += 2000) {
          randomFillSync(file, at, 1000);
          file.fill(`line ${at} of file ${i}, which compresses\n`, at + 1000, at + 2000);
        }
        yield tarHeader(`srv/file-${i}`, FILE);
        yield Buffer.from(file);
        yield Buffer.alloc((512 - (FILE % 512)) % 512);
      }
      yield Buffer.alloc(1024);
    }
    async function* hashed() {
      for await (const part of tar()) {
        hash.update(part);
        yield part;
      }
    }
    await pipeline(hashed(), createGzip({ level: 1 }), createWriteStream(layer));
    diffId = `sha256:${hash.digest("hex")}`;
  });

  for (const [name, spanSize, most] of /** @type {[string, number, number][]} */ ([
    ["4 MiB", 4 << 20, 24e6],
    ["128 KiB", 128 << 10, 24e6],
  ])) {
    test(`with spans of ${name} takes less than ${most / 1e6} MB`, { timeout: 120_000 }, async () => {
      const script = join(ROOT, "tests/lib/build-memory.mjs");
      const { stdout } = await run(process.execPath, ["--expose-gc", script, layer, String(spanSize)]);
      const got = JSON.parse(stdout);
      const layerHash = createHash("sha256");
      for await (const chunk of createReadStream(layer)) layerHash.update(chunk);
      assert.equal(got.layerDigest, `sha256:${layerHash.digest("hex")}`);
      assert.deepEqual([got.diffId, got.entries], [diffId, SIZE / FILE]);
      const mb = (n) => (n / 1e6).toFixed(1);
      const facts = `grown by ${mb(got.live)} MB, peak ${mb(got.peak)}, wasm ${mb(got.wasm)}, zTOC ${mb(got.ztocSize)}`;
      console.log(`measured: building with spans of ${name}: ${facts}`);
      assert.ok(got.live < most, facts);
      assert.ok(got.wasm < 4e6, facts);
    });
  }
});
