// Which image of an index is read where no platform is named: this machine's (or the setting's), else the only one. And
// fields that are null, as Go's programs write them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { open, openSource } from "ocipeek";
import { createIndex } from "ocipeek/build";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { ocipeek } from "../lib/cli.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { INDEX, LayoutWriter, MANIFEST, OCI } from "../lib/soci-images.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";

const HOSTNAME = "/etc/hostname";

describe("an index without this machine's platform", () => {
  let folder;
  let registry;
  const name = (tag) => `${registry.host}/made:${tag}`;
  before(async () => {
    folder = tempFolder("platforms");
    const writer = new LayoutWriter(folder.path);
    const image = (architecture, more = {}) => {
      const { tar } = tarOf([["etc/hostname", Buffer.from(`${architecture}\n`)]]);
      const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
      const rootfs = { type: "layers", diff_ids: [diffId] };
      const config = { architecture, os: "linux", config: {}, rootfs, ...more.config };
      const manifest = {
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: writer.json(config, `${OCI}.config.v1+json`),
        layers: [{ ...writer.blob(gzipSync(tar), `${OCI}.layer.v1.tar+gzip`), ...more.layer }],
        ...more.manifest,
      };
      const platform = { os: "linux", architecture, ...more.platform };
      return { ...writer.json(manifest, MANIFEST), platform };
    };
    const index = (tag, manifests, more = {}) =>
      writer.tag(tag, writer.json({ schemaVersion: 2, mediaType: INDEX, manifests, ...more }, INDEX));
    const [riscv, s390x] = [image("riscv64"), image("s390x")];
    index("one", [riscv]);
    index("two", [riscv, s390x]);
    index("twice", [riscv, { ...riscv, platform: { os: "linux", architecture: "loong64" } }]);
    const nulls = { annotations: null, artifactType: null, subject: null };
    const odd = image("s390x", {
      manifest: { ...nulls, annotations: { "org.test.none": null, "org.test.some": "x" } },
      layer: {
        annotations: { "org.test.none": null },
        urls: [null],
        artifactType: null,
        data: null,
        platform: null,
      },
      config: {
        config: {
          Env: [null, "A=b"],
          Cmd: null,
          Labels: { a: null, b: "c" },
          Entrypoint: [null],
          Volumes: null,
        },
        history: [null, { created: null, empty_layer: null }],
        author: null,
        "os.features": null,
      },
      platform: { variant: null, "os.version": null, "os.features": [null] },
    });
    index("null", [{ ...odd, annotations: { a: null }, urls: null }], nulls);
    registry = await serveLayout({ dir: folder.path, repository: "made" });
  });
  after(async () => {
    await registry?.close();
    folder?.remove();
  });

  test("by the package: the only one, and the result says so", async () => {
    for (const tag of ["one", "twice"]) {
      const image = await open(name(tag));
      assert.deepEqual([image.platform, image.platformBy], ["linux/riscv64", "only"]);
      assert.equal(await image.readFile(HOSTNAME, "utf8"), "riscv64\n");
    }
    const asked = await open(name("one"), { platform: "linux/riscv64" });
    assert.equal(asked.platformBy, "asked");
    const own = await open(name("two"), { defaultPlatform: "linux/s390x" });
    assert.deepEqual([own.platform, own.platformBy], ["linux/s390x", "default"]);
    await assert.rejects(open(name("one"), { platform: "linux/amd64" }), (/** @type {any} */ e) => {
      return e.code === "NOT_FOUND" && /linux\/riscv64/.test(e.message);
    });
    await assert.rejects(open(name("two")), (/** @type {any} */ e) => {
      return e.code === "NOT_FOUND" && /linux\/riscv64, linux\/s390x/.test(e.message);
    });
    // By the image's own digest nothing is chosen.
    const single = await open(`${registry.host}/made@${own.digest}`);
    assert.equal(single.platformBy, undefined);
  });

  test("by the builder", async () => {
    const { images } = await createIndex(await openSource(name("one")), undefined, { minLayerSize: 0 });
    assert.deepEqual(
      images.map(({ platform, layers }) => [platform, layers.length]),
      [["linux/riscv64", 1]],
    );
    await assert.rejects(createIndex(await openSource(name("two")), undefined), { code: "NOT_FOUND" });
  });

  test("by the command", async () => {
    const cat = await ocipeek(["cat", name("one"), HOSTNAME]);
    assert.deepEqual([cat.code, String(cat.stdout)], [0, "riscv64\n"]);
    assert.match(cat.stderr, /reading the only one there is, for linux\/riscv64/);
    const asked = await ocipeek(["cat", name("one"), HOSTNAME, "--platform", "linux/riscv64"]);
    assert.deepEqual([asked.code, asked.stderr], [0, ""]);
    assert.equal((await ocipeek(["cat", name("one"), HOSTNAME, "--platform", "linux/amd64"])).code, 1);
    const told = JSON.parse(String((await ocipeek(["inspect", name("one"), "--json"])).stdout));
    assert.deepEqual([told.platform, told.platformBy], ["linux/riscv64", "only"]);
  });

  test("by the server", async () => {
    const args = ["--insecure-registry", registry.host, "--platform", "linux/s390x"];
    const server = await startServe(RUNTIMES.node, args);
    try {
      const get = async (tag, query = "") => {
        const answer = await fetch(`${server.url}/${name(tag)}/-${HOSTNAME}${query}`);
        return [answer.status, (await answer.text()).slice(0, 8)];
      };
      assert.deepEqual(await get("one"), [200, "riscv64\n"]);
      assert.deepEqual(await get("two"), [200, "s390x\n"]);
      // Who names a platform gets that one, whoever asked without before.
      assert.equal((await get("one", "?platform=linux/s390x"))[0], 404);
      assert.deepEqual(await get("one", "?platform=linux/riscv64"), [200, "riscv64\n"]);
      const summary = await (await fetch(`${server.url}/${name("one")}/`)).json();
      assert.deepEqual([summary.platform, summary.platformBy], ["linux/riscv64", "only"]);
    } finally {
      await server.stop();
    }
  });

  test("null is absent: by the package, the builder, the command and the server", async () => {
    const image = await open(name("null"));
    assert.deepEqual(image.annotations, { "org.test.some": "x" });
    assert.equal(await image.readFile(HOSTNAME, "utf8"), "s390x\n");
    const { config, history } = await image.config();
    assert.deepEqual(config, { Env: ["A=b"], Labels: { b: "c" } });
    assert.equal(history?.length, 2);
    const { images } = await createIndex(await openSource(name("null")), undefined, { minLayerSize: 0 });
    assert.equal(images[0]?.layers[0]?.outcome, "indexed");
    for (const command of ["inspect", "layers", "soci check"]) {
      const { code, stderr } = await ocipeek([...command.split(" "), name("null"), "--json"]);
      // `soci check`: it is not loaded lazily.
      assert.equal(code, command === "soci check" ? 1 : 0, stderr);
    }
    const server = await startServe(RUNTIMES.node, ["--insecure-registry", registry.host]);
    try {
      const summary = await (await fetch(`${server.url}/${name("null")}/`)).json();
      assert.deepEqual(summary.config.config, { Env: ["A=b"], Labels: { b: "c" } });
      const manifest = `${server.url}/-/v2/${registry.host}/made/manifests/null`;
      assert.equal((await fetch(manifest)).status, 200);
    } finally {
      await server.stop();
    }
  });
});
