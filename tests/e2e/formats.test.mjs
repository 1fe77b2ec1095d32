// Every file of the images in lazy formats, made by their own tools, from a real docker-registry: in Node, Chromium and workerd.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { open } from "ocipeek";
import { openBrowser, serveStatic } from "../lib/chromium.mjs";
import { ocipeek } from "../lib/cli.mjs";
import { COLD, expected, FORMATS, pushBoth, referenceOf, startFormatsRegistry } from "../lib/formats.mjs";
import { sha256 } from "../lib/made-images.mjs";
import { browserPackage, workerdPackage } from "../lib/package.mjs";
import { startWorkerd } from "../lib/workerd.mjs";
import { checkFormat } from "../shared/check-format.mjs";

const worker = (entry) => `
import { open } from "./pkg/${entry}";
import { checkFormat } from "./check-format.mjs";
import expected from "./expected.json";
export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("ready");
    try {
      return Response.json(await checkFormat(open, { ...(await request.json()), expected }));
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
`;

describe("images in lazy formats", () => {
  let registry;
  before(async () => {
    registry = await startFormatsRegistry();
  });
  after(() => registry?.stop());

  const verify = (format, report) => {
    assert.deepEqual(report.problems, []);
    assert.equal(report.files, 266);
    // Some go out at the same time. (Of plain layers the request log of a browser has one look for an index more.)
    // The first of a process asks whether a registry on this machine speaks TLS; elsewhere nothing is asked.
    const cold = report.cold.filter((line) => line !== "ping 0");
    if (format.read !== "whole") assert.deepEqual(cold.toSorted(), format.cold.toSorted());
    const name = format.read === "whole" ? "plain media-type" : `${format.read} annotation`;
    assert.deepEqual([...new Set(report.readers)], [name]);
  };

  describe("in Node", () => {
    for (const format of FORMATS) {
      test(format.name ?? format.folder, async () => {
        const reference = referenceOf(registry.host, format.folder);
        verify(format, await checkFormat(open, { reference, format, expected: expected(), cold: COLD }));
      });
    }
  });

  test("what told that another module is needed is not asked for again", async () => {
    const seen = [];
    let told = 0;
    const onProgress = ({ requests }) => {
      told = requests;
    };
    const reference = referenceOf(registry.host, "zstdchunked-current");
    const counted = (url, init) => {
      seen.push(`${init.method} ${new URL(url).pathname.split("/").slice(3).join("/")}`);
      return fetch(url, init);
    };
    const image = await open(reference, { fetch: counted, onProgress });
    assert.deepEqual(seen, ["GET manifests/zstdchunked-current"]);
    await image.readFile(COLD);
    assert.equal(seen.length, 4);
    assert.equal(image.stats.requests, 4);
    assert.equal(told, 4);
    await image.close();
  });

  test("nor what a registry lists as attached, nor the files of a layout", async () => {
    const OCI = "application/vnd.oci.image";
    const types = { index: `${OCI}.index.v1+json`, manifest: `${OCI}.manifest.v1+json` };
    const files = new Map();
    const stored = (mediaType, content) => {
      const bytes = Buffer.from(JSON.stringify(content));
      const digest = sha256(bytes);
      files.set(digest, { bytes, mediaType });
      return { mediaType, digest, size: bytes.length };
    };
    const layer = { mediaType: `${OCI}.layer.v1.tar+gzip`, digest: sha256(Buffer.from("x")), size: 1 };
    const annotations = { "containerd.io/snapshot/stargz/toc.digest": layer.digest };
    const manifest = stored(types.manifest, {
      schemaVersion: 2,
      config: stored(`${OCI}.config.v1+json`, {}),
      layers: [layer, { ...layer, digest: sha256(Buffer.from("y")), annotations }],
    });
    const platform = { os: "linux", architecture: "amd64" };
    const index = { schemaVersion: 2, mediaType: types.index, manifests: [{ ...manifest, platform }] };
    const artifactType = "application/vnd.amazon.soci.index.v1+json";
    const attached = { ...manifest, digest: sha256(Buffer.from("z")), artifactType, annotations: { a: "b" } };
    const seen = [];
    const answer = (url) => {
      const path = new URL(url).pathname.replace("/v2/a/", "");
      seen.push(path.replace(manifest.digest, "IMAGE").replace(manifest.digest.slice(7), "IMAGE"));
      if (path.endsWith("/oci-layout")) return Response.json({ imageLayoutVersion: "1.0.0" });
      const list = path.includes("referrers/") ? { ...index, manifests: [attached] } : index;
      const isList = /referrers\/|\/1$|index\.json$/.test(path);
      const file = files.get(path.replace(/.*(?:sha256[:/])/, "sha256:"));
      if (isList) return Response.json(list, { headers: { "content-type": types.index } });
      if (!file) return new Response("", { status: 404 });
      return new Response(file.bytes, { headers: { "content-type": file.mediaType } });
    };
    const options = { fetch: async (url) => answer(url), platform: "linux/amd64" };
    const image = await open("reg.example/a:1", { ...options, attachedIndex: true });
    assert.deepEqual(seen.toSorted(), [
      "manifests/1",
      "manifests/IMAGE",
      `manifests/${attached.digest}`,
      "referrers/IMAGE",
    ]);
    assert.deepEqual(image.discovery?.found, [
      {
        mediaType: types.manifest,
        digest: attached.digest,
        size: manifest.size,
        artifactType,
        annotations: { a: "b" },
      },
    ]);
    assert.equal(image.layers[1].reader.name, "estargz");
    assert.deepEqual(
      image.stats.log.map(({ status }) => status),
      [200, 200, 200, 404],
    );
    await image.close();
    seen.length = 0;
    const laid = await open(new URL("https://files.example/layout"), options);
    const config = "blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    const paths = [config, "blobs/sha256/IMAGE", "index.json", "oci-layout"].map((path) => `/layout/${path}`);
    assert.deepEqual(seen.toSorted(), paths);
    assert.equal(laid.digest, image.digest);
    assert.equal(laid.stats.requests, 4);
    await laid.close();
  });

  test("a reader that is named is the one, or an error", async () => {
    const chunked = referenceOf(registry.host, "zstdchunked-current");
    {
      const image = await open(chunked, { reader: "soci" });
      await image.readFile(COLD);
      assert.deepEqual(
        image.layers.map(({ read, reader }) => [read, reader.name, reader.found]),
        [
          ["whole", "plain", "media-type"],
          ["whole", "plain", "media-type"],
        ],
      );
      await image.close();
    }
    {
      const image = await open(chunked, { reader: "zstd-chunked" });
      assert.equal(image.layers[0].reader.found, "named");
      await image.close();
    }
    const plain = referenceOf(registry.host, "plain-gzip");
    await assert.rejects(open(plain, { reader: "zstd-chunked" }), { code: "UNSUPPORTED" });
    await assert.rejects(open(plain, { reader: /** @type {"soci"} */ ("fuse") }), {
      code: "INVALID_ARGUMENT",
    });
    // Nothing vouches for a footer alone: read as it is.
    const image = await open(plain, { reader: "estargz" });
    const { verified } = await image.read(COLD);
    assert.deepEqual([verified.metadata, verified.content], ["layer-digest", "layer-digest"]);
    await image.close();
  });

  test("plain zstd layers that are not fetched whole are streamed", async () => {
    const reference = referenceOf(registry.host, "plain-zstd");
    const limits = { maxWholeLayerSize: 1000 };
    const seen = [];
    const counted = (url, init) => {
      const [kind] = new URL(url).pathname.split("/").slice(3, 4);
      seen.push(init.headers.range ? `${kind} by range` : kind);
      return fetch(url, init);
    };
    const whole = await open(reference);
    const expected = await whole.readFile(COLD);
    assert.deepEqual(whole.layers[0].reader, { name: "plain", found: "media-type" });
    await whole.close();

    const image = await open(reference, { limits, fetch: counted });
    const before = seen.length;
    assert.deepEqual(
      image.layers.map(({ read, reader }) => [read, reader.name, reader.found]),
      Array(2).fill(["zstd", "zstd", "media-type"]),
    );
    assert.deepEqual(await image.readFile(COLD), expected);
    assert.deepEqual(seen.slice(before), ["blobs", "blobs", "blobs by range"]);
    const { verified } = await image.stat(COLD);
    assert.deepEqual([verified.metadata, verified.content], ["layer-digest", "layer-digest"]);
    await image.close();

    for (const options of [{ reader: /** @type {const} */ ("zstd") }, { verify: false }]) {
      const other = await open(reference, options);
      assert.equal(other.layers[0].read, "zstd");
      assert.deepEqual(await other.readFile(COLD), expected);
      await other.close();
    }
    const small = await open(reference, { limits: { ...limits, maxStreamedLayerSize: 1000 } });
    await assert.rejects(small.readFile(COLD), {
      code: "LIMIT_EXCEEDED",
      message: /maxStreamedLayerSize = 1000/,
    });
    await small.close();
  });

  test("a Nydus image that the index lists beside the plain one", async () => {
    const { index, digests } = await pushBoth(registry.host);
    const options = { platform: "linux/amd64" };
    const seen = [];
    const counted = (url, init) => {
      seen.push(new URL(url).pathname.split("/").slice(3, 4)[0]);
      return fetch(url, init);
    };
    {
      const image = await open(index, { ...options, fetch: counted });
      assert.equal(image.digest, digests.nydus);
      assert.deepEqual(
        image.layers.map(({ reader }) => `${reader.name} ${reader.found}`),
        ["nydus index", "nydus index", "nydus index"],
      );
      assert.equal((await image.readFile(COLD)).length, 69_000);
      assert.deepEqual(seen, ["manifests", "manifests", "blobs", "blobs"]);
      await image.close();
    }
    {
      const image = await open(index, { ...options, reader: "soci" });
      assert.equal(image.digest, digests.plain);
      await image.close();
    }
  });

  test("the command says what reads each layer, and takes a reader's name", async () => {
    const image = (folder) => referenceOf(registry.host, folder);
    const layers = await ocipeek(["layers", image("estargz-64k")]);
    const columns = /^\d +sha256:[0-9a-f]{64} +[\d.]+ kB +estargz +annotation +application\/vnd/gm;
    assert.equal(layers.stdout.toString().match(columns)?.length, 2, layers.stdout.toString());
    const same = await ocipeek(["cat", "--reader", "soci", image("estargz-64k"), "/etc/os-release"]);
    assert.match(same.stdout.toString(), /^NAME="test"/);
    const refused = await ocipeek(["cat", "--reader", "nydus", image("estargz-64k"), "/etc/os-release"]);
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /not in the format nydus/);
  });

  describe("in workerd", () => {
    let workerd;
    before(async () => {
      const { files, entry } = workerdPackage();
      workerd = await startWorkerd([
        ["worker.mjs", worker(entry)],
        ["check-format.mjs", readFileSync(new URL("../shared/check-format.mjs", import.meta.url))],
        ["expected.json", JSON.stringify(expected())],
        ...files.map(([name, content]) => /** @type {[string, Buffer]} */ ([`pkg/${name}`, content])),
      ]);
    });
    after(() => workerd?.stop());
    for (const format of FORMATS) {
      test(format.name ?? format.folder, async () => {
        const reference = referenceOf(registry.host, format.folder);
        const body = JSON.stringify({ reference, format, cold: COLD });
        const answer = await fetch(workerd.url, { method: "POST", body });
        const text = await answer.text();
        assert.equal(answer.status, 200, `${text}\n${workerd.output()}`);
        verify(format, JSON.parse(text));
      });
    }
  });

  describe("in Chromium", () => {
    let site;
    let browser;
    before(async () => {
      const { folder, entry } = browserPackage();
      const importMap = JSON.stringify({ imports: { ocipeek: `/pkg/${entry}` } });
      site = await serveStatic({
        "/": Buffer.from(`<!doctype html><script type="importmap">${importMap}</script><title>test</title>`),
        "/pkg/": folder,
        "/shared/": new URL("../shared/", import.meta.url).pathname,
        "/expected.json": Buffer.from(JSON.stringify(expected())),
      });
      browser = await openBrowser();
      await browser.page.goto(site.url);
    });
    after(async () => {
      await browser?.close();
      await site?.close();
    });
    for (const format of FORMATS) {
      test(format.name ?? format.folder, async () => {
        const report = await browser.page.evaluate(
          async ([reference, format, cold]) => {
            const { open } = await import("ocipeek");
            // @ts-expect-error: the page's own server has it there.
            const { checkFormat } = await import("/shared/check-format.mjs");
            const expected = await fetch("/expected.json").then((r) => r.json());
            return checkFormat(open, { reference, format, expected, cold });
          },
          /** @type {const} */ ([referenceOf(registry.host, format.folder), format, COLD]),
        );
        verify(format, report);
      });
    }
  });
});
