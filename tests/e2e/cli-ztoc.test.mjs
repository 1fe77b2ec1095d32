// `ocipeek ztoc build|info|get-file|list`: zTOCs as the reference makes them, and what it says of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers as layerLines, merged } from "../lib/expected.mjs";
import { cliFile } from "../lib/package.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { readJson } from "../lib/soci-images.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";

const INDEX_128K = "sha256:fd80bc915ad7520e3e7ffe98686685c2df5a454a8e853429607dd507277d9d5a";
const INDEX_4M = "sha256:b4e3ce1125fb7743dc5eecb8d4a909957d7fb830ce303706180d66b72ccdf654";
const blob = (digest) => join(DEMO, "blobs", "sha256", digest.slice(7));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
/** The zTOCs that the reference made of the demo image's layers, the lowest first. */
const reference = (index) =>
  readJson(DEMO, index)
    .layers.slice(0, 6)
    .map(({ digest, annotations }) => ({
      ztoc: digest,
      layer: annotations["com.amazon.soci.image-layer-digest"],
    }));

/** Runs a command that is to end with `code`. */
async function run(code, args, options) {
  const result = await ocipeek(args, options);
  assert.equal(result.code, code, `${args.join(" ")}\n${result.stderr}`);
  return { out: result.stdout.toString(), bytes: result.stdout, err: result.stderr };
}

describe("ztoc", () => {
  let folder;
  let registry;
  before(async () => {
    folder = tempFolder("cli-ztoc");
    registry = await startDemoRegistry();
  });
  after(async () => {
    await registry?.stop();
    folder?.remove();
  });
  const path = (name) => join(folder.path, name);

  describe("build", () => {
    for (const [size, index] of [
      ["131072", INDEX_128K],
      ["4MiB", INDEX_4M],
    ]) {
      test(`every layer of the demo image at ${size}: the reference's bytes`, async () => {
        for (const { ztoc, layer } of reference(index)) {
          const file = path(`${layer.slice(7, 15)}.${size}.ztoc`);
          const { out } = await run(0, ["ztoc", "build", "--span-size", size, "-o", file, blob(layer)]);
          assert.deepEqual(readFileSync(file), readFileSync(blob(ztoc)));
          assert.match(out, new RegExp(`^zTOC: {3}${ztoc}, `));
          assert.match(out, new RegExp(`\nLayer: {2}${layer}, `));
        }
      });
    }

    test("4 MiB is the default; - is standard input and output", async () => {
      const [, { ztoc, layer }] = reference(INDEX_4M);
      const input = readFileSync(blob(layer));
      const { bytes, err } = await run(0, ["ztoc", "build", "-o", "-", "-"], { input });
      assert.equal(err, "");
      assert.deepEqual(bytes, readFileSync(blob(ztoc)));
      assert.equal((await run(0, ["ztoc", "build", "-q", "-o", path("q"), "-"], { input })).out, `${ztoc}\n`);
    });

    test("--json says what came to light", async () => {
      const [, , , , , { ztoc, layer }] = reference(INDEX_4M);
      const args = ["ztoc", "build", "--json", "-o", path("json.ztoc"), blob(layer)];
      assert.deepEqual(JSON.parse((await run(0, args)).out), {
        digest: ztoc,
        size: 31192,
        layer: {
          digest: layer,
          size: 399360,
          compression: "none",
          diffId: layer,
          tarSize: 399360,
        },
        spanSize: 4194304,
        buildTool: "AWS SOCI CLI v0.2",
        spans: 1,
        entries: layerLines()[5].length,
        needsXattrs: false,
        loadsInReference: true,
      });
    });

    test("--build-tool is in it, and makes another zTOC", async () => {
      const [, , , { ztoc, layer }] = reference(INDEX_4M);
      const file = path("tool.ztoc");
      await run(0, ["ztoc", "build", "--build-tool", "mine 1", "-o", file, blob(layer)]);
      assert.notEqual(`sha256:${sha256(readFileSync(file))}`, ztoc);
      const { out } = await run(0, ["ztoc", "info", file, "--json"]);
      assert.equal(JSON.parse(out).build_tool, "mine 1");
    });

    test("a broken layer leaves the file that is there, and nothing beside it", async () => {
      const file = path("kept.ztoc");
      writeFileSync(file, "before");
      const whole = gzipSync(tarOf([["a", Buffer.alloc(5000, "a")]]).tar);
      const before = readdirSync(folder.path);
      const cut = await run(4, ["ztoc", "build", "-o", file, "-"], {
        input: whole.subarray(0, whole.length - 9),
      });
      assert.match(cut.err, /^ocipeek: CORRUPT_LAYER: /);
      const none = await run(4, ["ztoc", "build", "-o", file, "-"], { input: "this is no tar ".repeat(100) });
      assert.match(none.err, /^ocipeek: CORRUPT_LAYER: /);
      assert.equal(readFileSync(file, "utf8"), "before");
      assert.deepEqual(readdirSync(folder.path), before);
    });

    test("an interrupt ends it although standard input goes on, and leaves nothing", async () => {
      const file = path("interrupted.ztoc");
      const child = spawn(process.execPath, [cliFile(), "ztoc", "build", "-o", file, "-"], {
        stdio: ["pipe", "ignore", "ignore"],
      });
      child.stdin.on("error", () => {});
      child.stdin.write(readFileSync(blob(reference(INDEX_4M)[0].layer)).subarray(0, 2_000_000));
      setTimeout(() => child.kill("SIGINT"), 1000);
      const [code] = await once(child, "close");
      assert.equal(code, 130);
      assert.ok(!readdirSync(folder.path).some((name) => name.startsWith("interrupted")));
    });

    test("zstd is refused; so is what is not there, and a missing -o", async () => {
      const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]);
      assert.match(
        (await run(6, ["ztoc", "build", "-o", path("z"), "-"], { input: zstd })).err,
        /UNSUPPORTED: .*zstd/,
      );
      assert.match((await run(2, ["ztoc", "build", "-o", path("z"), path("none")])).err, /no such file/);
      assert.match((await run(2, ["ztoc", "build", blob(INDEX_4M)])).err, /-o FILE says where/);
      assert.match((await run(2, ["ztoc", "build", "--span-size", "0", "-o", "x", "-"])).err, /--span-size/);
      assert.ok(!existsSync(path("z")));
    });
  });

  describe("info", () => {
    test("has the fields of AWS's `soci ztoc info`", async () => {
      const [{ ztoc }] = reference(INDEX_128K);
      const { files, ...facts } = JSON.parse((await run(0, ["ztoc", "info", blob(ztoc), "--json"])).out);
      const lines = layerLines()[0];
      assert.deepEqual(facts, {
        version: "0.9",
        build_tool: "AWS SOCI CLI v0.2",
        size: 2634376,
        span_size: 131072,
        num_spans: 65,
        num_files: lines.length,
        num_multi_span_files: files.filter((it) => it.start_span !== it.end_span).length,
      });
      assert.deepEqual(
        files.map(({ filename, offset, size }) => [filename.replace(/\/$/, ""), offset, size]),
        lines.map(({ name, offset, size }) => [name.replace(/\/$/, ""), offset, size]),
      );
      assert.deepEqual(new Set(files.map(({ type }) => type)), new Set(lines.map(({ type }) => type)));
      for (const { start_span, end_span } of files)
        assert.ok(0 <= start_span && start_span <= end_span && end_span < 65);
    });

    test("for people: a line a file, names escaped", async () => {
      const [, { ztoc }] = reference(INDEX_4M);
      const { out } = await run(0, ["ztoc", "info", blob(ztoc)]);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come out
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
      const [head] = out.split("\n\n");
      assert.equal(
        head,
        `\
Version:     0.9
Built by:    AWS SOCI CLI v0.2
Size:        75.1 kB
Layer:       989011 bytes, ${readTarSize(out)} bytes of tar; compression: gzip
Spans:       1, of 4 MiB
Files:       ${layerLines()[1].length}, 0 in several spans`,
      );
      assert.equal(out.split("\n\n")[1]?.trimEnd().split("\n").length, layerLines()[1].length + 1);
    });

    test("of standard input, and of a digest in an image's indexes", async () => {
      const [, , , { ztoc }] = reference(INDEX_4M);
      const { out } = await run(0, ["ztoc", "info", blob(ztoc)]);
      assert.equal((await run(0, ["ztoc", "info", "-"], { input: readFileSync(blob(ztoc)) })).out, out);
      const image = `${registry.host}/${REPOSITORY}:latest-soci-4m`;
      assert.equal((await run(0, ["ztoc", "info", "--image", image, ztoc])).out, out);
      const { err } = await run(1, ["ztoc", "info", "--image", image, INDEX_4M]);
      assert.match(err, /NOT_FOUND: no SOCI index of .* lists the zTOC sha256:b4e3/);
      await run(2, ["ztoc", "info", "--image", image, "x"]);
    });

    test("what is no zTOC is CORRUPT_ZTOC", async () => {
      assert.match((await run(4, ["ztoc", "info", blob(INDEX_4M)])).err, /^ocipeek: CORRUPT_ZTOC: /);
      assert.match((await run(2, ["ztoc", "info", path("none")])).err, /no such file/);
    });
  });

  describe("get-file", () => {
    const services = merged().find((line) => line.path === "etc/services");

    test("prints a file of a layer, by files", async () => {
      const [{ ztoc, layer }] = reference(INDEX_128K);
      for (const name of ["etc/services", "/etc/services", "./etc/services"]) {
        const { bytes, err } = await run(0, ["ztoc", "get-file", blob(ztoc), blob(layer), name]);
        assert.equal(err, "");
        assert.equal(sha256(bytes), services.sha256);
      }
      const file = path("services");
      const { out } = await run(0, [
        "ztoc",
        "get-file",
        "-o",
        file,
        blob(ztoc),
        blob(layer),
        "/etc/services",
      ]);
      assert.equal(out, "");
      assert.equal(sha256(readFileSync(file)), services.sha256);
    });

    test("every layer, by its own zTOC: each file's content", async () => {
      const wanted = [1, 2, 4, 5].map((i) => [
        i,
        layerLines()[i].find((it) => it.type === "reg" && it.size > 0 && it.name === it.path),
      ]);
      for (const [i, line] of wanted) {
        if (!line) continue;
        const { ztoc, layer } = reference(INDEX_4M)[i];
        const { bytes } = await run(0, ["ztoc", "get-file", blob(ztoc), blob(layer), line.name]);
        assert.equal(sha256(bytes), line.sha256, line.name);
      }
    });

    test("by the digest of a zTOC of an image, reading only what it needs", async () => {
      const [{ ztoc }] = reference(INDEX_128K);
      const image = `${registry.host}/${REPOSITORY}:latest-soci`;
      const args = ["ztoc", "get-file", "--image", image, ztoc, "/etc/services", "--stats"];
      const { bytes, err } = await run(0, args);
      assert.equal(sha256(bytes), services.sha256);
      const [range] = err.split("\n").filter((line) => line.startsWith("range"));
      assert.match(range, /GET 206/);
    });

    test("what cannot be had: no such file, a folder, another layer, a damaged one", async () => {
      const [{ ztoc, layer }, other] = reference(INDEX_128K);
      const get = (code, of, name) => run(code, ["ztoc", "get-file", blob(ztoc), of, name]);
      assert.match((await get(1, blob(layer), "/none")).err, /^ocipeek: ENOENT: /);
      assert.match((await get(1, blob(layer), "/etc")).err, /^ocipeek: EISDIR: /);
      assert.match((await get(4, blob(other.layer), "/etc/services")).err, /^ocipeek: CORRUPT_ZTOC: /);
      const damaged = readFileSync(blob(layer));
      for (let at = 100; at < damaged.length; at += 50_000) damaged[at] ^= 1;
      writeFileSync(path("damaged"), damaged);
      const file = path("not-written");
      const { err } = await run(4, [
        "ztoc",
        "get-file",
        "-o",
        file,
        blob(ztoc),
        path("damaged"),
        "/etc/services",
      ]);
      assert.match(err, /^ocipeek: (?:DIGEST_MISMATCH|CORRUPT_LAYER): /);
      assert.ok(err.includes(`[${path("damaged")}]`), err);
      assert.ok(!existsSync(file));
      await run(2, ["ztoc", "get-file", blob(ztoc), "/etc/services"]);
    });
  });
});

/** The reference's number of the tar's bytes is its own test's matter. */
const readTarSize = (out) => /bytes, (\d+) bytes of tar/.exec(out)?.[1];
