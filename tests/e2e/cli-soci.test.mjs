// `ocipeek soci info|list|check|rm` over registries and layouts.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO, pushLayout, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { skopeo } from "../lib/skopeo.mjs";
import { LayoutWriter, readJson, V1, V2, writePlatforms } from "../lib/soci-images.mjs";

const V1_INDEXES = [
  "sha256:fd5e455f010a0f28239909c3a43867c395e658d9cd791ea657d1bc606609bb02",
  "sha256:e69c39472f2616d0d3e34681688395719e76259c18a8b1fae7efbfa86b8e77b8",
];
const V2_INDEX = "sha256:fd80bc915ad7520e3e7ffe98686685c2df5a454a8e853429607dd507277d9d5a";
const IMAGE = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";
const LIST = `\
DIGEST                                                                   SIZE  PLATFORM     VERSION  LAYERS  BUILT BY
${V1_INDEXES[0]}  2584  linux/amd64  v1       6 of 6  AWS SOCI CLI v0.2
${V1_INDEXES[1]}  2582  linux/amd64  v1       6 of 6  AWS SOCI CLI v0.2
`;

/** Runs a command that is to end with `code`. */
async function run(code, ...args) {
  const result = await ocipeek(args);
  assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}\n${result.stderr}`);
  return { out: result.stdout.toString(), err: result.stderr };
}
const json = async (code, ...args) => JSON.parse((await run(code, ...args, "--json")).out);

describe("soci", () => {
  let registry;
  let image;
  let folder;
  let made;
  before(async () => {
    registry = await startDemoRegistry();
    image = `${registry.host}/${REPOSITORY}`;
    folder = tempFolder("cli-soci");
    made = writePlatforms(join(folder.path, "platforms"));
  });
  after(async () => {
    await registry?.stop();
    folder?.remove();
  });
  const copyOfDemo = (name) => {
    const dir = join(folder.path, name);
    cpSync(DEMO, dir, { recursive: true });
    return dir;
  };

  describe("the words", () => {
    test("help of the group lists its commands; `help soci list` and --help are the same", async () => {
      const { out } = await run(0, "soci", "--help");
      for (const word of ["info", "list", "check", "convert", "create", "push", "rm"]) {
        assert.match(out, new RegExp(`^  ${word} +\\S`, "m"));
        const one = await run(0, "soci", word, "--help");
        assert.match(one.out, new RegExp(`^Usage: ocipeek soci ${word} `));
        assert.deepEqual(await run(0, "help", "soci", word), one);
      }
      assert.deepEqual(await run(0, "help", "soci"), { out, err: "" });
      assert.match((await run(2, "soci")).err, /^Usage: ocipeek soci COMMAND/);
      assert.match((await run(0, "--help")).out, /^ {2}soci {5}SOCI indexes.*\n {2}ztoc {5}\S/m);
    });

    test("a wrong word is a mistake, not an image", async () => {
      const { err } = await run(2, "soci", "chek", "alpine");
      assert.equal(err, 'ocipeek: there is no command "soci chek"; see ocipeek soci --help\n');
      assert.equal(
        (await run(2, "ztoc", "x")).err,
        'ocipeek: there is no command "ztoc x"; see ocipeek ztoc --help\n',
      );
    });

    test("no word means what JavaScript knows it as", async () => {
      for (const words of [["soci", "constructor", "x"], ["ztoc", "toString"], ["constructor"]]) {
        const { err } = await run(2, ...words);
        assert.match(err, /^ocipeek: there is no command "/);
      }
      const writer = new LayoutWriter(join(folder.path, "names"));
      const platform = { os: "linux", architecture: "constructor" };
      const layer = writer.blob(Buffer.alloc(9), "application/vnd.oci.image.layer.v1.tar");
      writer.tag("latest", writer.image([layer], { platform }));
      const report = await json(1, "soci", "check", `oci:${writer.dir}:latest`);
      assert.equal(report.platforms[0].platform, "linux/constructor");
    });

    test("the words of AWS's soci lead to ours", async () => {
      for (const words of ["soci index list", "soci index ls", "soci ls", "soci list"]) {
        assert.equal((await run(0, ...words.split(" "), `oci:${DEMO}:latest`)).out, LIST, words);
      }
      const ztocs = await run(0, "soci", "ztoc", "ls", `oci:${DEMO}:latest`);
      assert.deepEqual(await run(0, "ztoc", "list", `oci:${DEMO}:latest`), ztocs);
    });

    test("`soci IMAGE` is `soci info IMAGE`, as before", async () => {
      const args = [`${image}:latest-soci`, "--platform", "linux/amd64"];
      const { out } = await run(0, "soci", "info", ...args);
      assert.deepEqual(await run(0, "soci", ...args), { out, err: "" });
      assert.match(out, new RegExp(`^Index: {4}${V2_INDEX}\nVersion: {2}v2\n`));
      const shown = await json(0, "soci", ...args);
      assert.equal(shown.soci.digest, V2_INDEX);
      assert.equal(shown.layers.length, 6);
    });

    test("options that mean nothing here are refused", async () => {
      for (const [option, ...value] of [
        ["--no-soci"],
        ["--soci-index", V2_INDEX],
        ["--insecure-unverified"],
      ]) {
        const { err } = await run(2, "soci", "list", "x", option, ...value);
        assert.match(err, new RegExp(`^ocipeek: soci list takes no ${option}\n`));
      }
    });
  });

  describe("list", () => {
    test("all indexes, of a registry and of a layout alike", async () => {
      assert.equal((await run(0, "soci", "list", `${image}:latest`)).out, LIST);
      assert.equal((await run(0, "soci", "list", `oci:${DEMO}:latest`)).out, LIST);
      const quiet = await run(0, "soci", "list", "-q", `${image}:latest`);
      assert.equal(quiet.out, `${V1_INDEXES.join("\n")}\n`);
    });

    test("as JSON, with zTOCs and what is to be prefetched", async () => {
      const [index, ...others] = await json(0, "soci", "list", `${image}:latest-soci-head`);
      assert.equal(others.length, 0);
      const { ztocs, prefetch, ...rest } = index;
      assert.deepEqual(rest, {
        digest: "sha256:7e41a3a3558edd9e3ddce00c450e6175eb3c82a313faa8715656a4379c1f8e18",
        size: 3204,
        platform: "linux/amd64",
        version: "v2",
        image: "sha256:8cdbe413606d21e813846b5076d2bc8eff53735532f0a3b6aa53c1f58534caf4",
        found: "annotation",
        buildTool: "AWS SOCI CLI v0.2",
        layers: 6,
      });
      assert.deepEqual(ztocs[0], {
        digest: "sha256:53c49a893f3ad2dc4df32d053e5e3f72ad4ddcfff837636c672c9919da3d0fdc",
        size: 2634376,
        layer: "sha256:bd839ea8fef941f750ddac5939e2574cc67225943b26ae508b8fba6a8040e11c",
        spanSize: 131072,
      });
      assert.deepEqual(
        prefetch.map((it) => it.size),
        [68, 66],
      );
    });

    test("an image without an index: code 1, and what to do", async () => {
      const plain = `oci:${made.writer.dir}:latest`;
      const { out, err } = await run(1, "soci", "list", plain);
      assert.equal(out, "");
      assert.equal(err, "ocipeek: the image has no SOCI index; ocipeek soci create or convert makes one\n");
      assert.deepEqual(await json(1, "soci", "list", plain), []);
    });

    test("a platform that the image has not is NOT_FOUND, and those it has are named", async () => {
      const { err } = await run(1, "soci", "list", `oci:${made.writer.dir}:latest`, "-p", "linux/s390x");
      assert.match(
        err,
        /NOT_FOUND: .* no image for linux\/s390x; it has linux\/amd64, linux\/arm64, windows\/amd64\n/,
      );
    });
  });

  describe("check", () => {
    test("the demo image as converted by AWS's soci loads lazily: 0", async () => {
      const { out, err } = await run(0, "soci", "check", `${image}:latest-soci`);
      assert.equal(err, "");
      assert.equal(
        out,
        `\
Image:    ${image}:latest-soci
Digest:   sha256:8e897bbdbeb8bc5e9257c035f08edf2e3af19deb03654ae13ecb3511bae6de58
Minimum:  10 MiB; smaller layers need no zTOC

linux/amd64  yes  v2 index ${V2_INDEX}, named by the manifest
                  6 of 6 layers covered, 0 others below the minimum, 4.7 MB

SOCI snapshotter: loads it lazily
AWS Fargate:      does not load it lazily
                  it loads lazily from private repositories of Amazon ECR only
Note: linux/amd64: 4.7 MB compressed; AWS sees a gain from 250.0 MB on
`,
      );
    });

    test("an index of version 1 counts with --v1 only", async () => {
      const report = await json(1, "soci", "check", `${image}:latest`);
      assert.equal(report.lazy, false);
      assert.deepEqual(
        report.platforms[0].problems.map(({ code }) => code),
        ["V1_ONLY"],
      );
      assert.deepEqual(report.platforms[0].index, {
        digest: V1_INDEXES[0],
        version: "v1",
        found: "referrers",
        voucher: "attached",
        buildTool: "AWS SOCI CLI v0.2",
      });
      const accepted = await json(0, "soci", "check", `${image}:latest`, "--v1");
      assert.equal(accepted.lazy, true);
    });

    test("which kind of index it is: the image's, merely attached, verified here, none", async () => {
      const kept = tempFolder("check-kept");
      const cache = ["--cache-dir", kept.path];
      const kind = async (...args) => {
        const { stdout } = await ocipeek(["soci", "check", "--json", ...args, ...cache]);
        return JSON.parse(String(stdout)).platforms[0].index?.voucher;
      };
      assert.equal(await kind(`${image}:latest-soci`), "image");
      assert.equal(await kind(`oci:${made.writer.dir}:latest`), undefined);
      assert.equal(await kind(`${image}:latest`), "attached");
      await run(0, "soci", "verify", `${image}:latest`, ...cache);
      assert.equal(await kind(`${image}:latest`), "checked");
      const text = String((await ocipeek(["soci", "check", `${image}:latest`, ...cache])).stdout);
      assert.match(text, /^linux\/amd64 {2}no {3}v1 index sha256:\w{64}, attached, and verified here$/m);
      // Where nothing is kept, nothing is known.
      assert.match(
        String((await ocipeek(["soci", "check", `${image}:latest`, "--no-cache"])).stdout),
        /, attached, not verified$/m,
      );
      kept.remove();
    });

    test("no index: 1, on all platforms that SOCI is for, and the command that helps", async () => {
      const { err } = await run(1, "soci", "check", `oci:${made.writer.dir}:latest`);
      assert.equal(
        err,
        `ocipeek: this makes an image that is: ocipeek soci convert --all-platforms oci:${made.writer.dir}:latest NEW-IMAGE\n`,
      );
      const report = await json(1, "soci", "check", `oci:${made.writer.dir}:latest`);
      assert.deepEqual(
        report.platforms.map(({ platform, problems }) => [platform, problems.map(({ code }) => code)]),
        [
          ["linux/amd64", ["NO_INDEX"]],
          ["linux/arm64", ["NO_INDEX"]],
        ],
      );
      assert.ok(report.notes.includes("windows/amd64 is left out: SOCI is for Linux"));
      assert.deepEqual(await run(1, "soci", "check", "-q", `oci:${made.writer.dir}:latest`), {
        out: "",
        err: "",
      });
    });

    test("layers over the minimum must be covered; those of zstd never are", async () => {
      const writer = new LayoutWriter(join(folder.path, "partial"));
      const platform = { os: "linux", architecture: "amd64" };
      const tar = "application/vnd.oci.image.layer.v1.tar";
      const layers = [
        writer.blob(Buffer.alloc(2000, 1), `${tar}+gzip`),
        writer.blob(Buffer.alloc(2000, 2), `${tar}+zstd`),
        writer.blob(Buffer.alloc(2000, 3), `${tar}+gzip`),
        writer.blob(Buffer.alloc(100, 4), `${tar}+gzip`),
      ];
      const soci = writer.soci(layers.slice(0, 1), V2);
      const annotations = { "com.amazon.soci.index-digest": soci.digest };
      writer.tag("latest", writer.image(layers, { platform, annotations }));
      const partial = `oci:${writer.dir}:latest`;
      const report = await json(1, "soci", "check", partial, "--min-layer-size", "1K");
      assert.equal(report.minLayerSize, 1024);
      assert.deepEqual(report.platforms[0].layers, { total: 4, covered: 1, belowMinimum: 1 });
      assert.deepEqual(
        report.platforms[0].problems.map(({ code, layer }) => [code, layer]),
        [
          ["LAYER_ZSTD", 1],
          ["LAYER_NOT_COVERED", 2],
        ],
      );
      // With the default minimum all are small.
      assert.equal((await json(0, "soci", "check", partial)).lazy, true);
      // The zTOC is none.
      const deep = await json(1, "soci", "check", partial, "--deep");
      assert.deepEqual(
        deep.platforms[0].problems.map(({ code, layer }) => [code, layer]),
        [["ZTOC_BROKEN", 0]],
      );
      // One platform copied alone: the manifest names an index that is not there.
      rmSync(join(writer.dir, "blobs", "sha256", soci.digest.slice(7)));
      const alone = await json(1, "soci", "check", partial);
      assert.deepEqual(
        alone.platforms[0].problems.map(({ code }) => code),
        ["INDEX_MISSING"],
      );
    });

    test("--deep reads every zTOC of the demo image", async () => {
      assert.equal((await json(0, "soci", "check", `oci:${DEMO}:latest-soci`, "--deep")).lazy, true);
    });

    test("a copy of one platform alone by skopeo has lost its index", async () => {
      const dir = join(folder.path, "alone");
      await skopeo("copy", "--quiet", `oci:${DEMO}:latest-soci`, `oci:${dir}:latest`);
      const report = await json(1, "soci", "check", `oci:${dir}:latest`);
      assert.deepEqual(
        report.platforms[0].problems.map(({ code }) => code),
        ["INDEX_MISSING"],
      );
    });

    test("names out of an image are escaped", async () => {
      const writer = new LayoutWriter(join(folder.path, "hostile"));
      const platform = { os: "linux", architecture: "a\u001b[31m\u202e" };
      const layer = writer.blob(Buffer.alloc(9), "application/vnd.oci.image.layer.v1.tar");
      const image = writer.image([layer], { platform });
      const tool = { "com.amazon.soci.build-tool-identifier": "tool\u001b]0;x\u0007\n" };
      const soci = writer.soci([layer], V2, { annotations: tool });
      const named = { "com.amazon.soci.index-digest": soci.digest };
      writer.tag(
        "latest",
        writer.index([{ ...writer.image([layer], { platform, annotations: named }), platform }]),
      );
      for (const args of [["list"], ["check"]]) {
        const { out } = await run(0, "soci", ...args, `oci:${writer.dir}:latest`);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come out
        assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
        assert.match(out, /linux\/a\\x1b\[31m\\u\{202e\}/);
      }
      assert.ok(image.digest);
    });

    test("annotations that should be digests are not believed", async () => {
      const writer = new LayoutWriter(join(folder.path, "annotations"));
      const platform = { os: "linux", architecture: "amd64" };
      const layer = writer.blob(Buffer.alloc(9), "application/vnd.oci.image.layer.v1.tar");
      // A tag in place of a digest is not followed.
      const named = { "com.amazon.soci.index-digest": "other\u001b[31m" };
      writer.tag("other", writer.soci([layer], V2));
      writer.tag("latest", writer.image([layer], { platform, annotations: named }));
      const report = await json(1, "soci", "check", `oci:${writer.dir}:latest`);
      assert.deepEqual(
        report.platforms[0].problems.map(({ code }) => code),
        ["INDEX_MISSING"],
      );
      const { out } = await run(1, "soci", "check", `oci:${writer.dir}:latest`);
      assert.match(out, /names the index other\\x1b\[31m, which is not there/);
      // A layer that is none.
      const soci = writer.soci([{ ...layer, digest: "sha256:\u001b[31m" }], V2);
      const annotations = { "com.amazon.soci.index-digest": soci.digest };
      writer.tag("latest", writer.image([layer], { platform, annotations }));
      await run(1, "ztoc", "list", `oci:${writer.dir}:latest`);
    });

    test("referrers that are no index of the image are passed over, and never removed", async () => {
      const writer = new LayoutWriter(join(folder.path, "referrers"));
      const platform = { os: "linux", architecture: "amd64" };
      const layer = writer.blob(Buffer.alloc(9), "application/vnd.oci.image.layer.v1.tar");
      const image = writer.image([layer], { platform });
      const other = writer.image([layer], { platform: { ...platform, variant: "v2" } });
      const listed = [
        writer.soci([layer], V1, { subject: other }),
        image,
        writer.soci([layer], V2),
        writer.json({ schemaVersion: 2 }, "application/vnd.oci.image.manifest.v1+json"),
        writer.soci([layer], V1, { subject: image }),
      ].map((it) => ({ ...it, artifactType: V1 }));
      writer.tag("latest", image);
      writer.tag(image.digest.replace(":", "-"), writer.index(listed));
      const from = `oci:${writer.dir}:latest`;
      assert.equal((await run(0, "soci", "list", "-q", from)).out, `${listed[4].digest}\n`);
      for (const { digest } of listed.slice(0, 4)) await run(1, "soci", "rm", from, digest);
      await run(0, "soci", "rm", from, "--all");
      for (const { digest } of listed.slice(0, 4)) assert.ok(readJson(writer.dir, digest));
    });

    test("what is no image fails, and says so", async () => {
      const writer = new LayoutWriter(join(folder.path, "broken"));
      writer.tag(
        "latest",
        writer.json(
          { schemaVersion: 2, manifests: [{ digest: "sha256:x" }] },
          "application/vnd.oci.image.index.v1+json",
        ),
      );
      const { err } = await run(4, "soci", "check", `oci:${writer.dir}:latest`);
      assert.match(err, /^ocipeek: CORRUPT_MANIFEST: /);
      await run(1, "soci", "check", `${image}:none`);
      await run(2, "soci", "check", "Not A Reference");
      await run(3, "soci", "check", "127.0.0.1:1/none/such");
      await run(2, "soci", "check", `${image}:latest`, "--min-layer-size", "ten");
    });
  });

  describe("rm", () => {
    test("takes an index out of a layout, and nothing else", async () => {
      const dir = copyOfDemo("rm");
      const from = `oci:${dir}:latest`;
      const [first, second] = V1_INDEXES;
      assert.deepEqual(await run(0, "soci", "rm", from, first), { out: `removed ${first}\n`, err: "" });
      assert.equal((await run(0, "soci", "list", "-q", from)).out, `${second}\n`);
      assert.deepEqual(await json(0, "soci", "rm", from, "--all"), [
        { digest: second, platform: "linux/amd64", image: IMAGE, manifestKept: false },
      ]);
      await run(1, "soci", "list", from);
      assert.equal(
        (await run(1, "soci", "rm", from, "--all")).err,
        "ocipeek: the image has no SOCI index of version 1\n",
      );
      // The image is as it was.
      assert.equal(readJson(dir, IMAGE).layers.length, 6);
      assert.equal(
        (await run(0, "cat", from, "/etc/services", "--platform", "linux/amd64")).out.length,
        6800,
      );
    });

    test("never removes what is no index of the image", async () => {
      const dir = copyOfDemo("rm-not");
      const { err } = await run(1, "soci", "rm", `oci:${dir}:latest`, IMAGE);
      assert.match(err, /NOT_FOUND: sha256:42a1\w+ is no SOCI index of this image; see soci list\n/);
      const part = await run(6, "soci", "rm", `oci:${dir}:latest-soci`, V2_INDEX);
      assert.match(part.err, /UNSUPPORTED: .* is of version 2, a part of the image/);
      await run(2, "soci", "rm", `oci:${dir}:latest`);
      await run(2, "soci", "rm", `oci:${dir}:latest`, "--all", V1_INDEXES[0]);
      assert.equal(readJson(dir, V1_INDEXES[0]).config.mediaType, V1);
    });

    test("a registry that allows it deletes the manifest", async () => {
      const other = await startDemoRegistry({ deletes: true });
      try {
        const from = `${other.host}/${REPOSITORY}:latest`;
        assert.deepEqual(await run(0, "soci", "rm", from, "--all", "-q"), {
          out: `${V1_INDEXES.join("\n")}\n`,
          err: "",
        });
        await run(1, "soci", "list", from);
        for (const digest of V1_INDEXES) {
          const { status } = await fetch(`http://${other.host}/v2/${REPOSITORY}/manifests/${digest}`);
          assert.equal(status, 404);
        }
        const image = await fetch(`http://${other.host}/v2/${REPOSITORY}/manifests/${IMAGE}`, {
          headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
        });
        assert.equal(image.status, 200);
      } finally {
        await other.stop();
      }
    });

    test("a registry that allows no deletion: the index is not listed any more, and that is said", async () => {
      await pushLayout(registry.host, DEMO, "rm");
      const from = `${registry.host}/rm:latest`;
      const { out, err } = await run(0, "soci", "rm", from, V1_INDEXES[0]);
      assert.equal(out, `removed ${V1_INDEXES[0]}\n`);
      assert.match(err, /is not listed any more, but its manifest stays: the registry allows no deletion/);
      assert.equal((await run(0, "soci", "list", "-q", from)).out, `${V1_INDEXES[1]}\n`);
    });
  });
});
