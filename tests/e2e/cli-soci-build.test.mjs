// `ocipeek soci create|convert|push`: from registries and files to registries and files, and back through the index.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readLayout, registryHandler } from "../../scripts/lib/layout-registry.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { commandEnv, ocipeek } from "../lib/cli.mjs";
import { DEMO, pushLayout, startDockerRegistry } from "../lib/docker-registry.mjs";
import { saveNew } from "../lib/docker-save.mjs";
import { merged } from "../lib/expected.mjs";
import { cliFile } from "../lib/package.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { skopeo, skopeoCopy } from "../lib/skopeo.mjs";
import { gzipLayer, LayoutWriter, readJson, sha256, V1, V2, writePlatforms } from "../lib/soci-images.mjs";

const IMAGE = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";
const [USER, PASSWORD] = ["reader", "open sesame"];
/** bcrypt of the password. */
const HTPASSWD = `${USER}:$2b$05$ocipeekocipeekocipeekez2D7lIvrUhywA7cOdCU0YSH2IG/MEBG\n`;
const AMD64 = ["--platform", "linux/amd64"];
/** Index all layers of the small demo image. */
const ALL = ["--min-layer-size", "0"];
const SERVICES = merged().find((line) => line.path === "etc/services");

/** Runs a command that is to end with `code`. */
async function run(code, args, options) {
  const result = await ocipeek(args, options);
  assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}\n${result.stderr}`);
  return { out: result.stdout.toString(), bytes: result.stdout, err: result.stderr };
}
const json = async (args) => JSON.parse((await run(0, [...args, "--json"])).out);

describe("building indexes", () => {
  let registry;
  let folder;
  let plain;
  before(async () => {
    registry = await startDockerRegistry();
    folder = tempFolder("cli-build");
    // The demo image without any index.
    plain = join(folder.path, "plain");
    const { config, layers } = readJson(DEMO, IMAGE);
    for (const { digest } of [{ digest: IMAGE }, config, ...layers]) {
      const file = join("blobs", "sha256", digest.slice(7));
      cpSync(join(DEMO, file), join(plain, file));
    }
    const index = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
    const manifests = index.manifests.filter((it) => it.digest === IMAGE);
    writeFileSync(join(plain, "index.json"), JSON.stringify({ ...index, manifests }));
    cpSync(join(DEMO, "oci-layout"), join(plain, "oci-layout"));
    for (const name of ["a", "b", "c", "d", "e"]) await pushLayout(registry.host, plain, name);
  });
  after(async () => {
    await registry?.stop();
    folder?.remove();
  });
  const path = (name) => join(folder.path, name);
  const at = (name) => `${registry.host}/${name}`;
  /** That an image is read lazily, and right. */
  const readsLazily = async (image, { except = -1, more = /** @type {string[]} */ ([]) } = {}) => {
    const layers = await json(["layers", image, ...AMD64, ...more]);
    assert.equal(layers.length, 6);
    for (const { index, read } of layers)
      if (index !== except) assert.equal(read, "ztoc", `${image} ${index}`);
    const { bytes } = await run(0, ["cat", image, "/etc/services", ...AMD64, ...more]);
    assert.equal(sha256(bytes), `sha256:${SERVICES.sha256}`);
  };
  const ATTACHED = { more: ["--attached-index"] };

  describe("create", () => {
    test("puts an index beside an image of a registry; then it is read lazily", async () => {
      const image = `${at("a")}:latest`;
      await run(1, ["soci", "list", image]);
      const { out, err } = await run(0, ["soci", "create", image, "--span-size", "128KiB", ...ALL]);
      const lines = out.trimEnd().split("\n");
      assert.equal(lines[0], `Platform: linux/amd64, ${IMAGE}`);
      assert.match(lines[1], /^# +LAYER +OUTCOME +ZTOC +ZTOC DIGEST$/);
      assert.match(
        lines[2],
        /^0 +3\.3 MB +indexed +2\.6 MB +sha256:53c49a893f3ad2dc4df32d053e5e3f72ad4ddcfff837636c672c9919da3d0fdc$/,
      );
      assert.match(lines[8], /^Index: {4}sha256:[0-9a-f]{64}, v1, 6 of 6 layers$/);
      assert.match(lines.at(-1), new RegExp(`^Written: {2}${at("a")}; 7 blobs \\(3\\.2 MB\\), 1 manifest$`));
      assert.match(err, /^(?:ocipeek: layer \d: \d+ entr(?:y|ies), [\d.]+ k?M?B, sha256:\w{64}\n){6}$/);
      await readsLazily(image, ATTACHED);
      const [index] = await json(["soci", "list", image]);
      assert.equal(index.version, "v1");
      assert.equal(index.ztocs.length, 6);
      assert.deepEqual(
        index.ztocs.map(({ spanSize }) => spanSize),
        new Array(6).fill(131072),
      );
    });

    test("a second time the zTOCs are there; --force builds them, to the same", async () => {
      const image = `${at("b")}:latest`;
      const first = await json(["soci", "create", image, ...ALL]);
      assert.equal(first.version, "v1");
      assert.deepEqual(
        first.images[0].layers.map(({ outcome }) => outcome),
        new Array(6).fill("indexed"),
      );
      assert.equal(first.images[0].image, IMAGE);
      assert.deepEqual(
        first.written.blobs.map(({ outcome }) => outcome),
        new Array(7).fill("uploaded"),
      );
      // Without what was kept of the first time, those that are attached are not trusted.
      const elsewhere = await json(["soci", "create", image, ...ALL]);
      assert.equal(elsewhere.images[0].index, first.images[0].index);
      assert.deepEqual(
        elsewhere.images[0].layers.map(({ outcome }) => outcome),
        new Array(6).fill("indexed"),
      );
      const kept = ["--cache-dir", path("kept")];
      for (const outcome of ["indexed", "reused"]) {
        const again = await json(["soci", "create", image, ...ALL, ...kept]);
        assert.equal(again.images[0].index, first.images[0].index);
        assert.deepEqual(
          again.images[0].layers.map((it) => it.outcome),
          new Array(6).fill(outcome),
        );
      }
      const forced = await json(["soci", "create", image, ...ALL, ...kept, "--force"]);
      assert.equal(forced.images[0].index, first.images[0].index);
      assert.deepEqual(
        forced.images[0].layers.map(({ outcome }) => outcome),
        new Array(6).fill("indexed"),
      );
      assert.equal((await json(["soci", "list", image])).length, 1);
    });

    test("small layers are left out; where all are, that is said, and nothing is written", async () => {
      const { images } = await json([
        "soci",
        "create",
        `oci:${plain}:latest`,
        "--to",
        `oci:${path("some")}`,
        "--min-layer-size",
        "500K",
      ]);
      assert.deepEqual(
        images[0].layers.map(({ outcome }) => outcome),
        ["indexed", "indexed", "too-small", "too-small", "too-small", "too-small"],
      );
      const none = path("none");
      const { err, out } = await run(6, ["soci", "create", `oci:${plain}:latest`, "--to", `oci:${none}`]);
      assert.equal(out, "");
      assert.equal(
        err,
        `ocipeek: UNSUPPORTED: ${plain}: no layer got a zTOC, so there is no SOCI index to make: 6 of 6 layers are smaller than the minimum of 10485760 bytes, the largest of them has 3271960\n`,
      );
      assert.ok(!existsSync(none));
    });

    test("-q prints the digest alone", async () => {
      const args = ["soci", "create", `oci:${plain}:latest`, "--to", `oci:${path("quiet")}`, ...ALL, "-q"];
      const { out, err } = await run(0, args);
      assert.match(out, /^sha256:[0-9a-f]{64}\n$/);
      assert.equal(err, "");
      const manifest = readJson(path("quiet"), out.trim());
      assert.equal(manifest.config.mediaType, V1);
      assert.equal(manifest.subject.digest, IMAGE);
    });

    test("into a layout, then by push to the registry where the image is", async () => {
      const layout = `oci:${path("artifacts")}`;
      const image = `${at("c")}:latest`;
      const made = await json(["soci", "create", image, "--to", layout, ...ALL]);
      await run(1, ["soci", "list", image]);
      const pushed = await json(["soci", "push", layout, image]);
      assert.equal(pushed.images[0].index, made.images[0].index);
      assert.deepEqual(
        pushed.written.manifests.map(({ digest }) => digest),
        [made.images[0].index],
      );
      await readsLazily(image, ATTACHED);
      // Another index is there now.
      const other = `oci:${path("others")}`;
      await run(0, ["soci", "create", image, "--to", other, ...ALL, "--span-size", "1M", "-q"]);
      const skipped = await run(0, ["soci", "push", other, image, "--existing-index", "skip", "-q"]);
      assert.equal(skipped.out, "");
      assert.match(skipped.err, /linux\/amd64 has the SOCI index sha256:\w+ at the destination: left out\n$/);
      const warned = await run(0, ["soci", "push", other, image, "-q"]);
      assert.match(warned.err, /at the destination; readers take the one that is listed first\n$/);
      assert.equal((await json(["soci", "list", image])).length, 2);
      await run(2, ["soci", "push", other, image, "--existing-index", "perhaps"]);
      const { err } = await run(1, ["soci", "push", `oci:${plain}:latest`, image]);
      assert.match(err, /NOT_FOUND: .* has no SOCI index of /);
    });
  });

  describe("convert", () => {
    test("in a registry: layers are shared, and skopeo takes the result", async () => {
      const [from, to] = [`${at("d")}:latest`, `${at("d")}:soci`];
      const { out } = await run(0, ["soci", "convert", from, to, "--span-size", "131072", ...ALL]);
      assert.match(out, /\nImage: {4}sha256:[0-9a-f]{64}\nWritten: {2}.*\/d, tag soci; /);
      assert.equal(JSON.parse((await run(0, ["soci", "check", to, "--json", "--deep"])).out).lazy, true);
      await readsLazily(to);
      const inspected = JSON.parse(
        await skopeo("inspect", "--tls-verify=false", "--override-arch", "amd64", `docker://${to}`),
      );
      assert.equal(inspected.Layers.length, 6);
      await skopeoCopy(`docker://${to}`, `docker://${at("copied")}:soci`, { all: true });
      await run(0, ["soci", "check", "-q", `${at("copied")}:soci`]);
      // It packs plain tars on the way to a registry: another layer, that no index knows.
      await readsLazily(`${at("copied")}:soci`, { except: 5 });
    });

    test("to another repository: layers are mounted", async () => {
      const { written, digest } = await json([
        "soci",
        "convert",
        `${at("e")}:latest`,
        `${at("elsewhere")}:1`,
        ...ALL,
      ]);
      const layers = readJson(plain, IMAGE).layers.map((layer) => layer.digest);
      const mounted = written.blobs.filter(({ outcome }) => outcome === "mounted").map((it) => it.digest);
      for (const layer of layers) assert.ok(mounted.includes(layer), layer);
      assert.equal(written.manifests.at(-1).digest, digest);
      assert.equal(written.manifests.at(-1).tag, "1");
      await readsLazily(`${at("elsewhere")}:1`);
    });

    test("files: layout to layout, to an archive, and as AWS's soci is told to", async () => {
      const [from, to] = [`oci:${plain}:latest`, path("out")];
      const { digest } = await json(["soci", "convert", from, `oci:${to}`, ...ALL]);
      const index = readJson(to, digest);
      assert.equal(index.manifests[1].artifactType, V2);
      await readsLazily(`oci:${to}:latest`);
      const archive = path("out.tar");
      const before = readdirSync(folder.path);
      assert.equal(
        (await json(["soci", "convert", from, `oci-archive:${archive}:1`, ...ALL])).digest,
        digest,
      );
      assert.deepEqual(readdirSync(folder.path), [...before, "out.tar"].sort());
      await readsLazily(`oci-archive:${archive}:1`);
      const raw = JSON.parse(await skopeo("inspect", "--raw", `oci-archive:${archive}:1`));
      assert.deepEqual(raw, index);
      const standalone = path("standalone.tar");
      assert.equal(
        (await json(["soci", "convert", "--standalone", plain, standalone, ...ALL])).digest,
        digest,
      );
      await readsLazily(`oci-archive:${standalone}`);
      const dir = path("standalone");
      const args = ["soci", "convert", "--standalone", "--format", "oci-dir", standalone, dir, ...ALL];
      await run(0, args);
      await readsLazily(`oci:${dir}`);
    });

    test("from what `docker save` writes", async () => {
      const file = path("saved.tar");
      await saveNew(file, path("saved"));
      await run(0, ["soci", "convert", `docker-archive:${file}`, `oci:${path("from-saved")}`, ...ALL]);
      await readsLazily(`oci:${path("from-saved")}:latest`);
    });

    test("one platform, or all; the rest stays as it is", async () => {
      const made = writePlatforms(path("platforms"));
      const from = `oci:${made.writer.dir}:latest`;
      const min = ["--min-layer-size", "100000"];
      const one = await json(["soci", "convert", from, `oci:${path("one")}`, ...min, "-p", "linux/arm64"]);
      assert.deepEqual(
        one.images.map(({ platform, layers }) => [platform, layers.map((it) => it.outcome)]),
        [["linux/arm64", ["indexed"]]],
      );
      const index = readJson(path("one"), one.digest);
      assert.equal(index.manifests.length, 5);
      assert.equal(index.manifests[0].digest, made.amd64.digest);
      assert.notEqual(index.manifests[1].digest, made.arm64.digest);
      const report = JSON.parse(
        (await run(1, ["soci", "check", `oci:${path("one")}`, ...min, "--json"])).out,
      );
      assert.deepEqual(
        report.platforms.map(({ platform, lazy }) => [platform, lazy]),
        [
          ["linux/amd64", false],
          ["linux/arm64", true],
        ],
      );
      const all = await json(["soci", "convert", from, `oci:${path("all")}`, ...min, "--all-platforms"]);
      assert.equal(all.images.length, 3);
      assert.deepEqual(
        all.images[0].layers.map(({ outcome }) => outcome),
        ["indexed", "too-small", "indexed"],
      );
      await run(0, ["soci", "check", `oci:${path("all")}`, ...min, "-q", "--deep"]);
      const { err } = await run(1, ["soci", "convert", from, `oci:${path("no")}`, "-p", "linux/s390x"]);
      assert.match(err, /linux\/s390x/);
      await run(2, ["soci", "convert", from, `oci:${path("no")}`, "-p", "linux/arm64", "--all-platforms"]);
      assert.ok(!existsSync(path("no")));
    });

    test("files to prefetch, by options and by a JSON file; what is not there is said", async () => {
      const list = path("prefetch.json");
      writeFileSync(list, JSON.stringify(["/etc/networks", " "]));
      const args = [
        "soci",
        "convert",
        `oci:${plain}:latest`,
        `oci:${path("prefetch")}`,
        ...ALL,
        "--prefetch-file",
        "/etc/services",
      ];
      const { images } = await json([...args, "--prefetch-files-json", list, "--prefetch-file", "/no/such"]);
      assert.deepEqual(images[0].prefetchMissing, ["/no/such"]);
      assert.ok(images[0].prefetch.length > 0);
      const { err } = await run(0, [...args, "--prefetch-file", "/no/such"]);
      assert.match(err, /no indexed layer of linux\/amd64 has the file to prefetch \/no\/such\n$/);
      writeFileSync(list, "{}");
      await run(2, [...args, "--prefetch-files-json", list]);
      await run(2, [...args, "--prefetch-files-json", path("none.json")]);
    });

    test("the same image as AWS's soci makes of the same options", async () => {
      const files = ["--prefetch-file", "/usr/lib/os-release", "--prefetch-file", "/bin/toybox"];
      const args = ["soci", "convert", `oci:${plain}:latest`, `oci:${path("aws")}`, "--span-size", "128KiB"];
      const { digest } = await json([...args, ...ALL, ...files]);
      // The demo layout's tag latest-soci-head.
      assert.equal(digest, "sha256:e428d19d84828badd74126b7bbd2fa4d15da80c29bcbab76ae6d6c0b5b379979");
    });

    test("a layer of zstd is left out, and said to be", async () => {
      const writer = new LayoutWriter(path("zstd"));
      cpSync(join(plain, "blobs"), join(writer.dir, "blobs"), { recursive: true });
      const [gzip] = readJson(plain, IMAGE).layers;
      const zstd = writer.blob(
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]),
        "application/vnd.oci.image.layer.v1.tar+zstd",
      );
      writer.tag("latest", writer.image([gzip, zstd], { platform: { os: "linux", architecture: "amd64" } }));
      const from = `oci:${writer.dir}:latest`;
      const { images } = await json(["soci", "convert", from, `oci:${path("zstd-out")}`, ...ALL]);
      assert.deepEqual(
        images[0].layers.map(({ outcome }) => outcome),
        ["indexed", "zstd"],
      );
      writer.tag("only", writer.image([zstd], { platform: { os: "linux", architecture: "amd64" } }));
      for (const words of [
        ["create", `oci:${writer.dir}:only`],
        ["convert", `oci:${writer.dir}:only`, `oci:${path("zstd-no")}`],
      ]) {
        const { err } = await run(6, ["soci", ...words, ...ALL]);
        assert.match(
          err,
          /^ocipeek: UNSUPPORTED: .*: no layer got a zTOC, .*: there are no zTOCs of zstd layers\n$/,
        );
      }
      assert.ok(!existsSync(path("zstd-no")));
    });

    test("a layer that is not what its digest says is not indexed", async () => {
      const dir = path("damaged");
      cpSync(plain, dir, { recursive: true });
      const [layer] = readJson(plain, IMAGE).layers;
      const other = readJson(plain, IMAGE).layers[1];
      cpSync(
        join(plain, "blobs/sha256", other.digest.slice(7)),
        join(dir, "blobs/sha256", layer.digest.slice(7)),
      );
      const { err } = await run(4, [
        "soci",
        "convert",
        `oci:${dir}:latest`,
        `oci:${path("damaged-out")}`,
        ...ALL,
      ]);
      assert.match(err, /(?:DIGEST_MISMATCH|CORRUPT_LAYER)/);
      assert.ok(!existsSync(join(path("damaged-out"), "index.json")));
    });

    test("an archive is never replaced by what would be added to it", async () => {
      const archive = path("kept.tar");
      await run(0, ["soci", "convert", `oci:${plain}:latest`, `oci-archive:${archive}`, ...ALL, "-q"]);
      const bytes = readFileSync(archive);
      const before = readdirSync(folder.path);
      const image = `oci-archive:${archive}`;
      const made = `oci:${path("quiet")}`;
      for (const words of [
        ["create", image, ...ALL],
        ["create", `oci:${plain}:latest`, "--to", image, ...ALL],
        ["push", made, image],
        ["rm", image, "--all"],
      ]) {
        const { err } = await run(2, ["soci", ...words]);
        assert.match(err, /can only be read/, words.join(" "));
      }
      assert.deepEqual(readFileSync(archive), bytes);
      assert.deepEqual(readdirSync(folder.path), before);
      // A converted image goes from one archive to another, or over itself.
      await run(0, ["soci", "push", image, `oci-archive:${path("other.tar")}`, "-q"]);
      assert.deepEqual(readFileSync(path("other.tar")), bytes);
      await run(0, ["soci", "convert", image, image, ...ALL, "-q"]);
      await readsLazily(image);
    });

    test("mistakes are told before anything is read", async () => {
      const from = `${at("none")}:latest`;
      for (const [pattern, ...args] of [
        [/needs a tag/, from, at("x")],
        [/can only be read/, from, "docker-archive:x"],
        [/--format needs --standalone/, from, "oci:x", "--format", "oci-dir"],
        [/--optimizations knows xattr/, from, "oci:x", "--optimizations", "speed"],
        [/--span-size must be/, from, "oci:x", "--span-size", "4MX"],
        [/usage: ocipeek soci convert/, from],
      ]) {
        const { err } = await run(2, ["soci", "convert", ...args.map(String)]);
        assert.match(err, /** @type {RegExp} */ (pattern));
      }
      assert.ok(!existsSync("x"));
    });

    test("is pushed whole from a layout to a registry", async () => {
      const dir = path("to-push");
      const { digest } = await json(["soci", "convert", `oci:${plain}:latest`, `oci:${dir}:1`, ...ALL]);
      const pushed = await json(["soci", "push", `oci:${dir}:1`, `${at("pushed")}:1`]);
      assert.equal(pushed.version, "v2");
      assert.equal(pushed.digest, digest);
      assert.equal(pushed.written.manifests.at(-1).tag, "1");
      await run(0, ["soci", "check", "-q", "--deep", `${at("pushed")}:1`]);
      await readsLazily(`${at("pushed")}:1`);
      await run(2, ["soci", "push", `oci:${dir}:1`, at("pushed")]);
      await run(2, ["soci", "push", `oci:${dir}:1`, `${at("pushed")}:1`, ...AMD64]);
    });
  });

  test("an interrupt ends it, and leaves nothing that looks like an image", async () => {
    const writer = new LayoutWriter(path("large"));
    const platform = { os: "linux", architecture: "amd64" };
    const layer = gzipLayer(writer, "large", 12_000_000);
    writer.tag("latest", writer.image([layer], { platform }));
    const bytes = readFileSync(join(writer.dir, "blobs", "sha256", layer.digest.slice(7)));
    const good = registryHandler({ layout: readLayout(writer.dir), repository: "large" });
    // Half of the layer comes, and then the user has enough.
    const server = createServer((request, answer) => {
      if (!request.url?.endsWith(layer.digest)) return good(request, answer);
      answer.writeHead(200, { "Content-Length": bytes.length });
      answer.write(bytes.subarray(0, bytes.length / 2), () => child.kill("SIGINT"));
    });
    const host = `127.0.0.1:${await listen(server)}`;
    const before = readdirSync(folder.path);
    const args = ["soci", "convert", `${host}/large:latest`, `oci-archive:${path("interrupted.tar")}`];
    const { env, remove } = commandEnv();
    const child = spawn(process.execPath, [cliFile(), ...args], { env, stdio: "ignore" });
    try {
      const [code] = await once(child, "close");
      assert.equal(code, 130);
      assert.deepEqual(readdirSync(folder.path), before);
    } finally {
      remove();
      await closeServer(server);
    }
  });

  test("credentials: by Docker's configuration, or --username for the registry that is written to", async () => {
    const secured = await startDockerRegistry({ htpasswd: HTPASSWD });
    try {
      const to = `${secured.host}/app:soci`;
      const args = ["soci", "convert", `${at("a")}:latest`, to, ...ALL, "-q"];
      const refused = await run(3, args);
      assert.match(refused.err, /^ocipeek: UNAUTHORIZED: /);
      const login = ["--username", USER, "--password-stdin"];
      const { out } = await run(0, [...args, ...login], { input: `${PASSWORD}\n` });
      assert.match(out, /^sha256:/);
      const config = path("docker");
      mkdirSync(config);
      const auth = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
      writeFileSync(join(config, "config.json"), JSON.stringify({ auths: { [secured.host]: { auth } } }));
      const env = { DOCKER_CONFIG: config };
      assert.equal((await run(0, ["soci", "list", "-q", to], { env })).out.split("\n").length, 2);
      await run(0, ["soci", "create", to, ...ALL, "-q"], { env });
      await run(2, [...args, "--username", USER]);
    } finally {
      await secured.stop();
    }
  });

  test("--username never goes to the registry that is only read", async () => {
    const seen = [];
    const server = createServer((request, answer) => {
      seen.push(request.headers.authorization);
      answer.writeHead(401, { "www-authenticate": 'Basic realm="other"' }).end();
    });
    const port = await listen(server);
    try {
      const from = `127.0.0.1:${port}/app:1`;
      const to = `${at("a")}:x`;
      const login = ["--username", USER, "--password-stdin"];
      for (const words of [
        ["convert", from, to],
        ["push", from, to],
        ["create", from, "--to", at("a")],
      ]) {
        seen.length = 0;
        const { err } = await run(3, ["soci", ...words, ...login], { input: `${PASSWORD}\n` });
        assert.match(err, /UNAUTHORIZED/);
        assert.ok(seen.length > 0);
        assert.deepEqual(new Set(seen), new Set([undefined]), words[0]);
      }
    } finally {
      await closeServer(server);
    }
  });
});
