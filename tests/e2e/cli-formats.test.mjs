// Images in lazy formats on the command line: what reads them and why, a reader that is named, and what has no digests.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { ocipeek } from "../lib/cli.mjs";
import { LARGE, nameOf, paths, startFormatImages } from "../lib/format-images.mjs";

const FILE = paths().find(({ path }) => path === "lib/libc.so.6");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

describe("images in lazy formats on the command line", () => {
  let registry;
  before(async () => {
    registry = await startFormatImages({ large: true });
  });
  after(() => registry?.stop());

  const at = (name) => `${registry.host}/${name}`;
  const run = async (...args) => {
    const { code, stdout, stderr } = await ocipeek(args);
    return { code, stdout, text: stdout.toString(), stderr };
  };

  test("inspect and layers say what reads it, and who said so", async () => {
    const nydus = await run("inspect", at(nameOf("nydus-v6")));
    assert.match(nydus.text, /^Read by: +nydus \(annotation\)$/m);
    const plain = await run("inspect", at(nameOf("plain-zstd")));
    assert.match(plain.text, /^Read by: +plain \(media-type\)$/m);
    const layers = await run("layers", at(nameOf("zstdchunked-current")));
    assert.match(layers.text, /zstd-chunked +annotation/);
    const named = await run("layers", "--reader", "soci", at(nameOf("zstdchunked-current")));
    assert.match(named.text, /whole +media-type/);
  });

  test("what has no digests and is small is read whole, verified; unverified, it says so", async () => {
    const image = at(nameOf("overlaybd"));
    const file = await run("cat", image, `/${FILE.path}`);
    assert.equal(sha256(file.stdout), FILE.sha256);
    const stat = async (...options) =>
      JSON.parse((await run("stat", "--json", ...options, image, `/${FILE.path}`)).text).verified;
    assert.deepEqual(await stat(), {
      manifest: "tag",
      metadata: "layer-digest",
      content: "layer-digest",
      header: false,
    });
    const { metadata, content } = await stat("--insecure-unverified");
    assert.deepEqual([metadata, content], ["crc", "crc"]);
  });

  test("over a limit the error names the option of the command", async () => {
    const lazily = await run("cat", "--insecure-unverified", at(LARGE), `/${FILE.path}`);
    assert.equal(sha256(lazily.stdout), FILE.sha256, lazily.stderr);
    const { code, stderr } = await run(
      "cat",
      "--limit",
      "maxWholeLayerSize=1000000",
      at(LARGE),
      `/${FILE.path}`,
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /give --insecure-unverified/);
  });
});
