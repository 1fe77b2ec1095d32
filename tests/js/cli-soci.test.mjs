// How `ocipeek soci` reads sizes and places, judges images, and shows progress.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import "../../dist/js/entry/node.js";
import { BuildLine, describe as line } from "../../dist/cli/build-line.js";
import { UsageError } from "../../dist/cli/exit.js";
import { placeOf, tagOf } from "../../dist/cli/places.js";
import { byteCount } from "../../dist/cli/soci/bytes.js";
import { check } from "../../dist/cli/soci/check.js";
import { parseDocument } from "../../dist/cli/soci/documents.js";
import { compressionOf } from "../../dist/cli/soci/survey.js";
import { writeFileAtomically } from "../../dist/cli/write-file.js";
import { duration } from "../../dist/js/common/duration.js";
import { tempFolder } from "../lib/processes.mjs";

const digest = (n) => `sha256:${String(n).repeat(64)}`;

test("numbers of bytes", () => {
  for (const [text, bytes] of /** @type {[string, number][]} */ ([
    ["4194304", 4_194_304],
    ["4M", 4_194_304],
    ["4MiB", 4_194_304],
    ["4 mb", 4_194_304],
    ["128k", 131_072],
    ["0", 0],
    ["1G", 2 ** 30],
  ])) {
    assert.equal(byteCount("--span-size", text), bytes, text);
  }
  assert.equal(byteCount("--span-size", undefined), undefined);
  for (const text of ["", "4X", "-1", "1.5M", "M", "99999999999999999999", "1e3"]) {
    assert.throws(() => byteCount("--span-size", text), UsageError, text);
  }
});

describe("places", () => {
  const parts = async (text) => {
    const { destination, tag, digest: of } = await placeOf(text, {});
    return [destination.name, tag, of];
  };
  test("repositories and layouts", async () => {
    assert.deepEqual(await parts("ghcr.io/o/a:1"), ["ghcr.io/o/a", "1", undefined]);
    assert.deepEqual(await parts("alpine"), ["docker.io/library/alpine", undefined, undefined]);
    assert.deepEqual(await parts("oci:dir"), ["dir", undefined, undefined]);
    assert.deepEqual(await parts("oci:a/b:latest-soci"), ["a/b", "latest-soci", undefined]);
    assert.deepEqual(await parts("oci:C:\\dir:1"), ["C:\\dir", "1", undefined]);
    assert.deepEqual(await parts(`oci:dir@${digest(1)}`), ["dir", undefined, digest(1)]);
  });
  test("an archive appears when it is finished", async () => {
    const folder = tempFolder("places");
    const place = await placeOf(`oci-archive:${folder.path}/a.tar:1`, { archive: true });
    assert.equal(place.tag, "1");
    await place.discard?.();
    folder.remove();
  });
  test("what can only be read", async () => {
    for (const text of ["docker-archive:a", "oci-archive:a", "https://example.com/layout", "oci:"]) {
      await assert.rejects(placeOf(text, {}), UsageError, text);
    }
  });
  test("an image needs a tag; a folder is for one image", async () => {
    assert.equal(tagOf(await placeOf("oci:dir", {})), "latest");
    assert.equal(tagOf(await placeOf("ghcr.io/o/a:1", {})), "1");
    assert.throws(() => tagOf(/** @type {any} */ ({ text: "oci.example/a" })), /needs a tag/);
    assert.throws(() => tagOf(/** @type {any} */ ({ text: "a", tag: "1", digest: digest(1) })), /digest/);
  });
});

describe("check", () => {
  const layer = (n, size, compression = "gzip") => ({ digest: digest(n), mediaType: "", size, compression });
  const index = (version, ...layers) => ({
    digest: digest("e"),
    size: 9,
    version,
    ztocs: layers.map((n) => ({ digest: digest("f"), size: 1, layer: digest(n) })),
    prefetch: [],
  });
  const image = (fields) => {
    const { layers = [layer(1, 300_000_000)], platform = "linux/amd64" } = fields;
    const layerBytes = layers.reduce((sum, it) => sum + it.size, 0);
    return {
      platform,
      digest: digest(9),
      size: 9,
      mediaType: "",
      layerBytes,
      layers,
      indexes: [],
      ...fields,
    };
  };
  /** @type {(fields: any, options?: any) => ReturnType<typeof check>} */
  const judge = (fields, { name = "ghcr.io/o/a:1", ...options } = {}) => {
    const images = [fields].flat().map(image);
    const survey = { name, digest: digest(8), mediaType: "", isIndex: true, images, absent: [] };
    return check(/** @type {any} */ (survey), options);
  };
  const codes = (report) => report.platforms[0].problems.map(({ code }) => code);
  const ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:1";

  test("a large image in ECR that is covered: lazily everywhere, without a note", async () => {
    const report = await judge({ indexes: [index("v2", 1)] }, { name: ECR });
    assert.equal(report.lazy, true);
    assert.deepEqual(report.fargate, { lazy: true, reasons: [] });
    assert.deepEqual(report.notes, []);
  });

  test("what counts as a private repository of ECR", async () => {
    const indexes = [index("v2", 1)];
    for (const [name, is] of /** @type {[string, boolean][]} */ ([
      [ECR, true],
      ["123456789012.dkr-ecr.us-east-1.on.aws/a/b:1", true],
      ["123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a", true],
      ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a", true],
      ["public.ecr.aws/x/a:1", false],
      ["x.example/123456789012.dkr.ecr.eu-central-1.amazonaws.com/a", false],
      ["123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example/a", false],
    ])) {
      assert.equal((await judge({ indexes }, { name })).fargate.lazy, is, name);
    }
  });

  test("Fargate has two architectures, and no zstd", async () => {
    const indexes = [index("v2", 1)];
    const arm = await judge({ indexes, platform: "linux/arm/v7" }, { name: ECR });
    assert.equal(arm.lazy, true);
    assert.deepEqual(arm.fargate, { lazy: false, reasons: ["it runs no linux/arm/v7"] });
    const layers = [layer(1, 300_000_000), layer(2, 100, "zstd")];
    const zstd = await judge({ indexes, layers }, { name: ECR });
    assert.equal(zstd.lazy, true);
    assert.deepEqual(zstd.fargate.reasons, ["linux/amd64 has a layer of zstd"]);
  });

  test("each reason not to", async () => {
    assert.deepEqual(codes(await judge({})), ["NO_INDEX"]);
    assert.deepEqual(codes(await judge({ missing: digest(7) })), ["INDEX_MISSING"]);
    assert.deepEqual(codes(await judge({ indexes: [index("v1", 1)] })), ["V1_ONLY"]);
    assert.deepEqual(codes(await judge({ indexes: [index("v1", 1)] }, { acceptV1: true })), []);
    assert.deepEqual(codes(await judge({ indexes: [index("v2")] })), ["LAYER_NOT_COVERED"]);
    const small = { layers: [layer(1, 5)], indexes: [index("v2")] };
    assert.deepEqual(codes(await judge(small)), ["NOTHING_COVERED"]);
    const zstd = { layers: [layer(1, 3e8), layer(2, 3e8, "zstd")], indexes: [index("v2", 1)] };
    assert.deepEqual(codes(await judge(zstd)), ["LAYER_ZSTD"]);
  });

  test("exactly the minimum is not below it", async () => {
    const of = (size) => judge({ layers: [layer(1, 3e8), layer(2, size)], indexes: [index("v2", 1)] });
    assert.deepEqual(codes(await of((10 << 20) - 1)), []);
    assert.deepEqual(codes(await of(10 << 20)), ["LAYER_NOT_COVERED"]);
  });

  test("a small image is told of; Windows is left out unless it is asked for", async () => {
    const windows = { platform: "windows/amd64" };
    const both = [{ indexes: [index("v2", 1)], layers: [layer(1, 249_999_999)] }, windows];
    const report = await judge(both);
    assert.equal(report.lazy, true);
    assert.deepEqual(report.notes, [
      "windows/amd64 is left out: SOCI is for Linux",
      "linux/amd64: 250.0 MB compressed; AWS sees a gain from 250.0 MB on",
    ]);
    assert.equal((await judge(both, { chosen: true })).lazy, false);
  });

  test("a zTOC that cannot be opened is a reason; a registry that cannot be reached is an error", async () => {
    const failing = (code) => ({ open: () => Promise.reject(Object.assign(new Error("why"), { code })) });
    const report = await judge({ indexes: [index("v2", 1)] }, failing("CORRUPT_ZTOC"));
    assert.deepEqual(report.platforms[0].problems, [
      { code: "ZTOC_BROKEN", layer: 0, message: "the zTOC of layer 0: why" },
    ]);
    await assert.rejects(judge({ indexes: [index("v2", 1)] }, failing("NETWORK")), /why/);
  });
});

test("media types say how layers are compressed", () => {
  const oci = "application/vnd.oci.image.layer";
  const docker = "application/vnd.docker.image.rootfs";
  for (const [type, compression] of [
    [`${oci}.v1.tar`, "none"],
    [`${oci}.v1.tar+gzip`, "gzip"],
    [`${oci}.nondistributable.v1.tar+zstd`, "zstd"],
    [`${docker}.diff.tar.gzip`, "gzip"],
    [`${docker}.foreign.diff.tar.gzip`, "gzip"],
    [`${docker}.diff.tar`, "unknown"],
    [`${oci}.v1.tar+encrypted`, "unknown"],
    ["text/html", "unknown"],
  ]) {
    assert.equal(compressionOf(type), compression, type);
  }
});

describe("documents", () => {
  const parse = (value) =>
    parseDocument(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)), digest(1));
  test("what is no manifest is CORRUPT_MANIFEST", () => {
    const entry = { digest: digest(2), size: 1 };
    for (const value of [
      "",
      "<html>",
      "[]",
      "null",
      {},
      { manifests: [], config: entry },
      { manifests: [{ digest: "sha256:x", size: 1 }] },
      { config: entry, layers: {} },
      { config: entry, layers: [{ digest: digest(3), size: -1 }] },
      { config: entry, layers: [{ digest: digest(3), size: 1.5 }] },
      { config: 5 },
    ]) {
      assert.throws(() => parse(value), { code: "CORRUPT_MANIFEST" }, JSON.stringify(value));
    }
  });
  test("fields of a wrong kind are as if they were not there", () => {
    const found = parse({
      mediaType: 5,
      config: { digest: digest(2), size: 1 },
      annotations: { a: "b", c: 5 },
      layers: null,
    });
    assert.deepEqual(found, {
      mediaType: "",
      config: { mediaType: "", digest: digest(2), size: 1, annotations: {} },
      layers: [],
      annotations: { a: "b" },
    });
  });
});

describe("progress", () => {
  const progress = (fields) => ({
    phase: "layer",
    layer: { index: 2, digest: undefined, bytes: 100, total: 100, entries: 7, spans: 1 },
    bytes: 45_100_000,
    total: 312_400_000,
    bytesPerSecond: 23_000_000,
    etaSeconds: 11.6,
    ...fields,
  });
  const stream = (isTTY, columns = 200) => {
    const out = { isTTY, columns, text: "", write: (text) => (out.text += text) };
    return out;
  };

  test("in words", () => {
    assert.equal(
      line(progress({})),
      "indexing 45.1 MB of 312.4 MB, 23.0 MB/s, 12 s left; layer 2: 7 entries",
    );
    assert.equal(
      line(progress({ phase: "push", layer: undefined, etaSeconds: undefined, total: 0, bytesPerSecond: 0 })),
      "writing 45.1 MB",
    );
    assert.deepEqual([0.2, 59.1, 61, 3600, 7505].map(duration), [
      "1 s",
      "1 min 0 s",
      "1 min 1 s",
      "1 h 0 min",
      "2 h 5 min",
    ]);
  });

  test("on a terminal one line that fits, and goes away", () => {
    const out = stream(true, 30);
    const shown = new BuildLine(false, /** @type {any} */ (out));
    shown.update(/** @type {any} */ (progress({})));
    assert.equal(out.text, "\rindexing 45.1 MB of 312.4 MB;\x1b[K");
    shown.clear();
    assert.ok(out.text.endsWith("\r\x1b[K"));
  });

  test("elsewhere a line for each layer, once", () => {
    const out = stream(false);
    const shown = new BuildLine(false, /** @type {any} */ (out));
    for (const bytes of [50, 100, 100]) {
      const layer = { index: 2, digest: undefined, bytes, total: 100, entries: 7, spans: 1 };
      shown.update(/** @type {any} */ (progress({ layer })));
    }
    assert.equal(out.text, "ocipeek: layer 2: 7 entries, 100 B\n");
  });

  test("layers of several platforms have the same index", () => {
    const out = stream(false);
    const shown = new BuildLine(false, /** @type {any} */ (out));
    for (const n of [1, 2]) {
      const layer = { index: 0, digest: digest(n), bytes: 100, total: 100, entries: 1, spans: 1 };
      shown.update(/** @type {any} */ (progress({ layer })));
    }
    assert.equal(out.text, [1, 2].map((n) => `ocipeek: layer 0: 1 entry, 100 B, ${digest(n)}\n`).join(""));
  });

  test("quiet is quiet", () => {
    const out = stream(true);
    new BuildLine(true, /** @type {any} */ (out)).update(/** @type {any} */ (progress({})));
    assert.equal(out.text, "");
  });
});

describe("a file that is written", () => {
  const pieces = async function* (...texts) {
    for (const text of texts) yield Buffer.from(text);
  };
  test("a link stays one, and its file is replaced; a failure leaves what was there", async () => {
    const folder = tempFolder("write");
    try {
      const [file, link] = [`${folder.path}/file`, `${folder.path}/link`];
      writeFileSync(file, "old");
      symlinkSync("file", link);
      await writeFileAtomically(link, pieces("n", "ew"));
      assert.ok(lstatSync(link).isSymbolicLink());
      assert.equal(readFileSync(file, "utf8"), "new");
      const failing = async function* () {
        yield Buffer.from("half");
        throw new Error("stopped");
      };
      await assert.rejects(writeFileAtomically(link, failing()), /stopped/);
      assert.equal(readFileSync(file, "utf8"), "new");
      assert.deepEqual(readdirSync(folder.path).sort(), ["file", "link"]);
    } finally {
      folder.remove();
    }
  });
  test("a pipe is written to, not replaced", { skip: process.platform === "win32" }, async () => {
    const folder = tempFolder("write");
    try {
      const pipe = `${folder.path}/pipe`;
      execFileSync("mkfifo", [pipe]);
      const reading = readFile(pipe, { encoding: "utf8", signal: AbortSignal.timeout(5000) });
      // Whoever replaces it leaves the reader of the pipe waiting.
      await writeFileAtomically(pipe, pieces("a", "b"));
      assert.ok(lstatSync(pipe).isFIFO());
      assert.equal(await reading, "ab");
    } finally {
      folder.remove();
    }
  });
});
