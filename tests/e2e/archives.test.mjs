// Archives and layouts as tools write them: compressed, sparse, half empty, rewritten; skopeo's behaviour beside ours.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  openAsBlob,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { imagesIn, OcipeekError, open, openSource } from "ocipeek";
import { createIndex } from "ocipeek/build";
import { run } from "../../scripts/lib/run.mjs";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO } from "../lib/docker-registry.mjs";
import { saveNew, saveOldFolder } from "../lib/docker-save.mjs";
import { merged } from "../lib/expected.mjs";
import { ARM_FILES, writeMultiPlatform } from "../lib/multi-platform.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { skopeo } from "../lib/skopeo.mjs";
import { LayoutWriter } from "../lib/soci-images.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";
import { IMAGE } from "../lib/variants.mjs";

const platform = "linux/amd64";
const files = merged().filter((it) => it.sha256 && /^[ -~]+$/.test(it.path));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
/** @type {(wanted: string, said?: RegExp) => (error: any) => boolean} */
const code =
  (wanted, said = /./) =>
  (error) => {
    assert.ok(error instanceof OcipeekError, String(error));
    assert.equal(error.code, wanted, error.message);
    assert.match(error.message, said);
    return true;
  };
/** Whether skopeo reads it. */
const skopeoReads = (source) =>
  skopeo("inspect", source).then(
    () => true,
    () => false,
  );

describe("archives", () => {
  let folder;
  const at = (name) => join(folder.path, name);
  const shell = (command, ...args) => run("sh", ["-c", command, "sh", ...args]);
  before(async () => {
    folder = tempFolder("archives");
    saveOldFolder(at("old"), { names: ["demo:latest"] });
    await run("tar", ["-cf", at("old.tar"), "-C", at("old"), "."]);
    await saveNew(at("new.tar"), at("new"));
    await run("tar", ["-cf", at("oci.tar"), "-C", DEMO, "oci-layout", "index.json", "blobs"]);
  });
  after(() => folder?.remove());

  /**
   * Reads files of an image and compares them; every so many.
   * @param {any} source
   * @param {{ every?: number, tag?: string }} [options]
   */
  async function check(source, { every = 1, ...options } = {}) {
    const image = await open(source, { platform, ...options });
    try {
      for (const { path, sha256: wanted } of files.filter((_, i) => i % every === 0)) {
        const { data, verified } = await image.read(path);
        assert.equal(sha256(data), wanted, path);
        assert.notEqual(verified.content, "none");
      }
      return image.stats;
    } finally {
      await image.close();
    }
  }

  describe("compressed", () => {
    const WAYS = [
      ["gzip -n", "gz"],
      ["zstd -q", "zst"],
      // Many members, and frames.
      ["split -b 1000000 --filter='gzip -n'", "members.gz"],
      ["split -b 1000000 --filter='zstd -q'", "frames.zst"],
    ];
    for (const [command, ending] of WAYS) {
      test(`by ${command}: files out of a layout and of docker save, on disk and in a Blob`, async () => {
        for (const [name, transport, tag] of [
          ["oci", "oci-archive", "latest-soci"],
          ["old", "docker-archive", "demo:latest"],
          ["new", "docker-archive", "demo:latest"],
        ]) {
          const file = at(`${name}.tar.${ending}`);
          await shell(`${command} < "$1" > "$2"`, at(`${name}.tar`), file);
          const { size } = statSync(file);
          // A Blob is another state than the file: nothing is known of it before.
          const blob = await openAsBlob(file);
          const slice = blob.slice.bind(blob);
          let [read, most] = [0, 0];
          blob.slice = (start = 0, end = blob.size) => {
            read += end - start;
            most = Math.max(most, end - start);
            return slice(start, end);
          };
          assert.ok((await imagesIn(blob)).length > 0);
          assert.ok(read <= size + (160 << 10), `${read} bytes read of ${size}`);
          assert.ok(most <= 1 << 20, `${most} bytes at once`);
          read = 0;
          const image = await open(blob, { platform, tag });
          assert.ok(read <= 160 << 10, `${read} bytes read to open what is known`);
          await image.close();
          await check(blob, { tag, every: 25 });
          const stats = await check(`${transport}:${file}:${tag}`, { every: name === "oci" ? 1 : 10 });
          // All that is read of the file is told.
          assert.ok(stats.log.every((it) => it.target === file && it.method === "READ"));
          assert.ok(stats.bytes >= size);
        }
      });
    }

    test("an index is built out of one", async () => {
      const source = await openSource(`docker-archive:${at("old.tar.gz")}`);
      const built = await createIndex(source, undefined, { platforms: [platform], minLayerSize: 0 });
      assert.ok(built.images[0].layers.some((it) => it.outcome === "indexed"));
      await source.close();
    });

    test("the command keeps what the pass found: the next read begins where the file is", async () => {
      const args = ["cat", `oci-archive:${at("oci.tar.gz")}:latest-soci`, "/etc/services", "--stats"];
      const cat = async () => {
        const {
          stdout,
          stderr,
          code: exit,
        } = await ocipeek([...args, "--cache-dir", at("cache"), "--platform", platform]);
        assert.equal(exit, 0, stderr);
        assert.equal(sha256(stdout), files.find((it) => it.path === "etc/services").sha256);
        return stderr.split("\n").filter((line) => line.includes("READ")).length;
      };
      const first = await cat();
      const second = await cat();
      assert.ok(second * 3 < first, `${second} reads after ${first}`);
    });

    test("damaged, cut off, or by what is not read: told by name", async () => {
      const whole = readFileSync(at("oci.tar.gz"));
      writeFileSync(at("cut.tar.gz"), whole.subarray(0, whole.length / 2));
      await assert.rejects(open(`oci-archive:${at("cut.tar.gz")}`), code("CORRUPT_LAYER", /ends too early/));
      for (const [tool, ending] of [
        ["xz", "xz"],
        ["bzip2", "bz2"],
      ]) {
        await shell(`${tool} -1 < "$1" > "$2"`, at("oci.tar"), at(`oci.tar.${ending}`));
        const source = `oci-archive:${at(`oci.tar.${ending}`)}`;
        await assert.rejects(open(source), code("UNSUPPORTED", new RegExp(`compressed by ${tool}`)));
        assert.ok(await skopeoReads(`${source}:latest`), "skopeo unpacks it first");
      }
    });

    test("an open that is given up stops", async () => {
      const stop = new AbortController();
      const onProgress = () => stop.abort();
      const source = await openAsBlob(at("old.tar.gz"), { type: "x" });
      Object.defineProperty(source, "lastModified", { value: 1 });
      await assert.rejects(open(source, { platform, signal: stop.signal, onProgress }), code("ABORTED"));
    });
  });

  for (const format of [
    ["--format=gnu"],
    ["--format=posix", "--sparse-version=0.0"],
    ["--format=posix", "--sparse-version=0.1"],
    ["--format=posix", "--sparse-version=1.0"],
  ]) {
    test(`sparse members, tar ${format.join(" ")}`, async () => {
      // Files with holes, as tar finds them.
      for (const [from, to] of [
        [at("old"), at("old-holes")],
        [DEMO, at("oci-holes")],
      ]) {
        rmSync(to, { recursive: true, force: true });
        await run("cp", ["-a", "--sparse=always", from, to]);
      }
      const [tar, args] = [at("sparse.tar"), ["-S", "--hole-detection=raw", "-cf"]];
      await run("tar", [...format, ...args, tar, "-C", at("old-holes"), "."]);
      assert.ok(statSync(tar).size < statSync(at("old.tar")).size, "there are holes");
      await check(`docker-archive:${tar}`, { every: 20 });
      await run("tar", [...format, ...args, tar, "-C", at("oci-holes"), "."]);
      await check(`oci-archive:${tar}:latest`, { every: 20 });
      // Its Go reads the later forms.
      assert.equal(await skopeoReads(`oci-archive:${tar}:latest`), format.length > 1);
    });
  }

  for (const [tool, magic] of [
    ["xz", "xz"],
    ["bzip2", "bzip2"],
  ]) {
    test(`a layer that is compressed by ${tool} is named so, whatever its label says`, async () => {
      const layout = at(`layer-${tool}`);
      const writer = new LayoutWriter(layout);
      for (const [i, size] of [3, 3_000_000].entries()) {
        writeFileSync(at("layer.tar"), tarOf([["file", Buffer.alloc(size, "content of this file ")]]).tar);
        await run(tool, ["-kf", at("layer.tar")]);
        const bytes = readFileSync(at(`layer.tar.${tool === "xz" ? "xz" : "bz2"}`));
        for (const label of ["tar+gzip", "tar", "tar+zstd"]) {
          const layer = writer.blob(bytes, `application/vnd.oci.image.layer.v1.${label}`);
          writer.tag(`${label}-${i}`, writer.image([layer], {}));
        }
      }
      for (const tag of ["tar+gzip-0", "tar-0", "tar+zstd-0", "tar+gzip-1", "tar-1", "tar+zstd-1"]) {
        /** @type {any[]} */
        const others = tag.includes("zstd") ? [{ reader: "zstd" }] : [];
        for (const options of [...others, {}, { index: "build" }, { verify: false }]) {
          const image = await open(`oci:${layout}:${tag}`, { platform, ...options });
          const named = code("UNSUPPORTED", new RegExp(`compressed by ${magic}`));
          await assert.rejects(image.readdir("/"), named, `${tag} ${JSON.stringify(options)}`);
          await image.close();
        }
      }
    });
  }

  test("a copy that holds one of two listed platforms", async () => {
    const dir = at("partial");
    const { arm64, oci } = writeMultiPlatform(dir);
    const held = async (source, options) => {
      const image = await open(source, options);
      const words = await image.readFile("/usr/bin/other");
      assert.deepEqual(Buffer.from(words), ARM_FILES.get("usr/bin/other"));
      assert.equal(image.platform, "linux/arm64/v8");
      assert.equal(image.indexDigest, oci.digest);
      assert.equal(image.digest, arm64.digest);
      await image.close();
    };
    rmSync(join(dir, "blobs", "sha256", IMAGE.slice(7)));
    await run("tar", ["-cf", at("partial.tar"), "-C", dir, "."]);
    for (const source of [`oci:${dir}:oci`, `oci-archive:${at("partial.tar")}:oci`]) {
      await held(source, { platform: "linux/arm64" });
      // Where none is asked for, what is there will do.
      await held(source, {});
      const said = /the image for linux\/amd64 is listed but not here; .* here: linux\/arm64\/v8/;
      await assert.rejects(open(source, { platform }), code("NOT_FOUND", said));
      const others = ["--override-arch", "amd64"];
      const missing = (/** @type {any} */ error) => /no such file/.test(error.output);
      await assert.rejects(skopeo(...others, "inspect", source), missing, "skopeo stops there");
    }
  });

  test("manifest.json counts where the index lists nothing, and for docker-archive: at any rate", async () => {
    cpSync(at("new"), at("empty-index"), { recursive: true });
    writeFileSync(join(at("empty-index"), "index.json"), '{"schemaVersion":2,"manifests":[]}');
    await run("tar", ["-cf", at("empty-index.tar"), "-C", at("empty-index"), "."]);
    for (const source of [
      `docker-archive:${at("empty-index.tar")}`,
      `oci-archive:${at("empty-index.tar")}`,
      `oci:${at("empty-index")}`,
      await openAsBlob(at("empty-index.tar")),
    ]) {
      assert.deepEqual(await imagesIn(source), ["docker.io/library/demo:latest"]);
      await check(source, { every: 50 });
    }
    assert.ok(await skopeoReads(`docker-archive:${at("empty-index.tar")}`));
    // Both list an image, and not the same.
    const manifest = readFileSync(join(at("new"), "manifest.json"), "utf8");
    writeFileSync(join(at("new"), "manifest.json"), manifest.replace("demo:latest", "other:1"));
    await run("tar", ["-cf", at("both.tar"), "-C", at("new"), "."]);
    assert.deepEqual(await imagesIn(`docker-archive:${at("both.tar")}`), ["docker.io/library/other:1"]);
    assert.deepEqual(await imagesIn(`oci-archive:${at("both.tar")}`), ["docker.io/library/demo:latest"]);
    writeFileSync(join(at("new"), "manifest.json"), manifest);
  });

  test("a config that a tool rewrote under its old name is read, and that is said", async () => {
    cpSync(at("old"), at("rewritten"), { recursive: true });
    const list = JSON.parse(readFileSync(join(at("old"), "manifest.json"), "utf8"));
    const [{ Config: name }] = list;
    const config = { ...JSON.parse(readFileSync(join(at("old"), name), "utf8")), author: "somebody else" };
    writeFileSync(join(at("rewritten"), name), JSON.stringify(config));
    await run("tar", ["-cf", at("rewritten.tar"), "-C", at("rewritten"), "."]);
    const source = `docker-archive:${at("rewritten.tar")}`;
    const image = await open(source, { platform });
    assert.equal((await image.config()).author, "somebody else");
    assert.equal((await image.stat("/etc/os-release")).verified.manifest, "computed");
    const { digest } = image;
    await image.close();
    await check(source, { every: 50 });
    assert.ok(await skopeoReads(source));
    // Whoever names the digest has what it names, and the name of a right config is one that a tag leads to.
    const named = await open(source, { platform, tag: digest });
    assert.equal((await named.stat("/etc/os-release")).verified.manifest, "digest");
    await named.close();
    const right = await open(`docker-archive:${at("old.tar")}`, { platform });
    assert.equal((await right.stat("/etc/os-release")).verified.manifest, "tag");
    await right.close();
    const { stdout } = await ocipeek(["stat", source, "/etc/os-release", "--json", "--platform", platform]);
    assert.match(stdout.toString(), /"manifest": "computed"/);
  });

  test("compressed layers under names that say nothing, hard links and links between layers", async () => {
    const dir = at("odd");
    cpSync(at("old"), dir, { recursive: true });
    const list = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8"));
    const [first, second, third] = list[0].Layers;
    await shell('cd "$1" && gzip "$2" && mv "$2.gz" first.tgz', dir, first);
    await shell('cd "$1" && ln "$2" hard.tar && mkdir links', dir, second);
    symlinkSync(join("..", third), join(dir, "links", "layer.tar"));
    list[0].Layers.splice(0, 3, "first.tgz", "hard.tar", "links/layer.tar");
    writeFileSync(join(dir, "manifest.json"), JSON.stringify(list));
    await run("tar", ["-cf", at("odd.tar"), "-C", dir, "."]);
    const source = `docker-archive:${at("odd.tar")}`;
    await check(source, { every: 10 });
    const image = await open(source, { platform });
    assert.equal((await image.stat("/etc/os-release")).verified.manifest, "computed");
    assert.equal(image.layers[0].digest, `sha256:${sha256(readFileSync(join(dir, "first.tgz")))}`);
    await image.close();
  });

  test("two images of one name are told by digest and platform, each of which opens one", async () => {
    const dir = at("same");
    const { amd64, arm64 } = writeMultiPlatform(dir);
    const ref = { "org.opencontainers.image.ref.name": "1.0.0" };
    const manifests = [amd64, arm64].map((it) => ({ ...it, annotations: ref }));
    // A third one, so that these are not one image for two platforms.
    manifests.push({ ...arm64, annotations: { "org.opencontainers.image.ref.name": "3" } });
    writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    const said = `name one of ${amd64.digest} (linux/amd64), ${arm64.digest} (linux/arm64/v8)`;
    await assert.rejects(open(`oci:${dir}:1.0.0`), (/** @type {any} */ error) => {
      assert.ok(error.message.includes(said), error.message);
      return code("INVALID_ARGUMENT")(error);
    });
    for (const { digest } of [amd64, arm64]) {
      for (const source of [`oci:${dir}@${digest}`, `oci:${dir}:${digest}`]) {
        const image = await open(source);
        assert.equal(image.digest, digest);
        await image.close();
      }
    }
    const { code: exit, stderr } = await ocipeek(["ls", `oci:${dir}:1.0.0`, "/"]);
    assert.equal(exit, 2, stderr);
    assert.ok(stderr.includes(said), stderr);
  });

  test("names with ./, long ones, members twice, an index in an index", async () => {
    const dir = at("nested");
    const { oci } = writeMultiPlatform(dir);
    const writer = new LayoutWriter(dir);
    const inner = writer.index([oci]);
    const outer = writer.index([inner]);
    const index = (descriptor) => JSON.stringify({ schemaVersion: 2, manifests: [descriptor] });
    mkdirSync(join(dir, "d".repeat(150)));
    writeFileSync(join(dir, "d".repeat(150), "f".repeat(150)), "");
    writeFileSync(join(dir, "index.json"), "broken");
    await run("tar", ["--format=posix", "-cf", at("nested.tar"), "-C", dir, "."]);
    writeFileSync(join(dir, "index.json"), index(outer));
    await run("tar", ["-rf", at("nested.tar"), "-C", dir, "./index.json"]);
    await check(`oci-archive:${at("nested.tar")}`, { every: 20 });
  });
});
