// `cp` of much of which some cannot be copied: the rest is, the list says what is missing, the exit code says so.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { open } from "../../dist/js/entry/node.js";
import { itemsOf, tar } from "../../dist/js/tar/index.js";
import { ocipeek } from "../lib/cli.mjs";
import { MadeLayout, OCI, sha256 } from "../lib/made-images.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { tarOf } from "../lib/synthetic-image.mjs";

const EMPTY = Buffer.alloc(0);
const text = (value) => Buffer.from(value);
const GZIP = `${OCI.layer}+gzip`;

describe("cp of what cannot all be copied", () => {
  let folder;
  let image;
  before(async () => {
    folder = tempFolder("cp-failures");
    const lower = gzipSync(tarOf([["app/low", text("low")]]).tar);
    const upper = gzipSync(
      tarOf([
        ["app/a", text("a")],
        ["app/broken", EMPTY, "1", "app/low"],
        ["app/circle", EMPTY, "1", "app/circle"],
        ["app/hard", EMPTY, "1", "app/a"],
        ["app/pipe", EMPTY, "6"],
        ["app/z", text("z")],
      ]).tar,
    );
    const layout = new MadeLayout();
    layout.tag(
      "latest",
      layout.image([
        [lower, GZIP],
        [upper, GZIP],
      ]),
    );
    await layout.write(join(folder.path, "layout"));
    image = `oci:${join(folder.path, "layout")}:latest`;
  });
  after(() => folder.remove());

  test("to disk: all else is there, with a list and the code of the first failure", async () => {
    const dir = join(folder.path, "out");
    const { code, stderr } = await ocipeek(["cp", image, "/app", dir]);
    assert.equal(code, 4, stderr);
    assert.deepEqual(readdirSync(dir).sort(), ["a", "hard", "low", "z"]);
    assert.equal(readFileSync(join(dir, "z"), "utf8"), "z");
    assert.equal(statSync(join(dir, "a")).ino, statSync(join(dir, "hard")).ino);
    const lines = stderr.trim().split("\n");
    assert.equal(lines.length, 3, stderr);
    assert.match(lines[0], /left out: \/app\/broken: .*hard link to .*app\/low.*does not hold/);
    assert.match(lines[1], /left out: \/app\/circle: /);
    assert.match(lines[2], /left out: \/app\/pipe: is a fifo/);
  });

  test("as an archive: the same, and the archive is whole", async () => {
    const { code, stderr, stdout } = await ocipeek(["cp", image, "/app", "-"]);
    assert.equal(code, 4, stderr);
    const names = execFileSync("tar", ["-tf", "-"], { input: stdout, encoding: "utf8" }).trim().split("\n");
    assert.deepEqual(names, ["app/", "app/a", "app/hard", "app/low", "app/pipe", "app/z"]);
    assert.match(stderr, /app\/broken/);
    assert.doesNotMatch(stderr, /pipe/);
  });

  test("only devices and pipes: the code for those", async () => {
    const layout = new MadeLayout();
    const layer = gzipSync(
      tarOf([
        ["p", EMPTY, "6"],
        ["f", text("f")],
      ]).tar,
    );
    layout.tag("latest", layout.image([[layer, GZIP]]));
    await layout.write(join(folder.path, "pipes"));
    const dir = join(folder.path, "piped");
    const { code } = await ocipeek(["cp", `oci:${join(folder.path, "pipes")}:latest`, "/.", dir]);
    assert.equal(code, 7);
    assert.deepEqual(readdirSync(dir), ["f"]);
  });

  test("names that the file system does not take: those below are not tried", async () => {
    const long = "n".repeat(300);
    const layout = new MadeLayout();
    const named = (name, ...rest) => [
      ["././@LongLink", text(`${name}\0`), "L"],
      [name, ...rest],
    ];
    const files = [...named(`${long}/`, EMPTY, "5"), ...named(`${long}/x`, text("x")), ["zz", text("zz")]];
    layout.tag("latest", layout.image([[gzipSync(tarOf(files).tar), GZIP]]));
    await layout.write(join(folder.path, "long"));
    const dir = join(folder.path, "longed");
    const { code, stderr } = await ocipeek(["cp", `oci:${join(folder.path, "long")}:latest`, "/.", dir]);
    assert.equal(code, 8, stderr);
    assert.equal(stderr.match(/left out/g)?.length, 1, stderr);
    assert.match(stderr, /ENAMETOOLONG/);
    assert.deepEqual(readdirSync(dir), ["zz"]);
  });

  test("what stands in the way is one file's failure; a link in the target stays one", async () => {
    const dir = join(folder.path, "taken");
    mkdirSync(join(dir, "a", "full"), { recursive: true });
    writeFileSync(join(dir, "a", "full", "x"), "kept");
    const { code, stderr } = await ocipeek(["cp", image, "/app/.", dir]);
    assert.notEqual(code, 0);
    assert.match(stderr, /left out: .*\/a: .*is a directory/);
    assert.equal(readFileSync(join(dir, "a", "full", "x"), "utf8"), "kept");
    assert.equal(readFileSync(join(dir, "z"), "utf8"), "z");
    // The further name of what is not there is not made either.
    assert.ok(!existsSync(join(dir, "hard")) && stderr.includes("hard"), stderr);
  });

  test("damaged content: the others are copied, an archive breaks off", async () => {
    const layout = new MadeLayout();
    const layer = gzipSync(tarOf([["f", text("f")]]).tar);
    const other = gzipSync(tarOf([["g", text("g")]]).tar);
    layout.tag(
      "latest",
      layout.image([
        [layer, GZIP],
        [other, GZIP],
      ]),
    );
    const where = join(folder.path, "damaged");
    await layout.write(where);
    const bytes = Buffer.from(layer);
    bytes[bytes.length - 12] ^= 1;
    writeFileSync(join(where, "blobs", "sha256", sha256(layer).slice(7)), bytes);
    const { code } = await ocipeek(["cp", `oci:${where}:latest`, "/.", join(folder.path, "damaged-out")]);
    assert.equal(code, 4);
    const archive = await ocipeek(["cp", `oci:${where}:latest`, "/.", "-"]);
    assert.equal(archive.code, 4);
  });

  test("in the package: a failure ends all unless it is asked for; the archive can list what it lacks", async () => {
    const opened = await open(image);
    try {
      const top = await opened.stat("/app");
      const items = (failures) => itemsOf(opened, top, new Uint8Array(), failures ? { failures } : {});
      await assert.rejects(
        async () => {
          for await (const _ of items()) void _;
        },
        { code: "CORRUPT_LAYER" },
      );
      const failed = [];
      for await (const { stats, failure } of items("give"))
        if (failure) failed.push([stats.path, failure.code]);
      assert.deepEqual(failed, [
        ["/app/broken", "CORRUPT_LAYER"],
        ["/app/circle", "CORRUPT_LAYER"],
      ]);
      const chunks = [];
      for await (const chunk of tar(items("give"), { leftOut: ".left-out.txt" })) chunks.push(chunk);
      const list = execFileSync("tar", ["-xOf", "-", ".left-out.txt"], {
        input: Buffer.concat(chunks),
        encoding: "utf8",
      });
      assert.match(list, /^"\/app\/broken": CORRUPT_LAYER: .*\n"\/app\/circle": CORRUPT_LAYER: .*\n$/);
    } finally {
      await opened.close();
    }
  });
});
