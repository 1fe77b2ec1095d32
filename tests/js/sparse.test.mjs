// Sparse files: a few bytes of an image that stand for many count, and stay holes on disk and in archives.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { open } from "../../dist/js/entry/node.js";
import { itemsOf, tar } from "../../dist/js/tar/index.js";
import { ocipeek } from "../lib/cli.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { layoutWriter, tarHeader } from "../lib/synthetic-image.mjs";

const MIB = 1 << 20;
const GIB = 1 << 30;
/** Where data is in the files, by name; and their sizes. */
const FILES = {
  "middle.img": { size: 64 * MIB, runs: [[20 * MIB, 100_000]] },
  "ends.img": {
    size: 8 * MIB + 123,
    runs: [
      [0, 4096],
      [4 * MIB, 8192],
      [8 * MIB, 123],
    ],
  },
  "empty.img": { size: 32 * MIB, runs: [] },
  [`${"long-name-".repeat(12)}ü.img`]: { size: 2 * MIB, runs: [[MIB, 4096]] },
  "plain.bin": { size: 200_000, runs: [[0, 200_000]] },
};
const FORMS = {
  gnu: ["--format=gnu", "-S"],
  "pax 0.0": ["--format=posix", "-S", "--sparse-version=0.0"],
  "pax 0.1": ["--format=posix", "-S", "--sparse-version=0.1"],
  "pax 1.0": ["--format=posix", "-S", "--sparse-version=1.0"],
};

const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const shaOf = (file) => sha(readFileSync(file));

/** A file of 4 GiB of which nothing is stored, in GNU's old form. */
function bomb() {
  const header = tarHeader("bomb", 0, "S");
  header.write(`${(4 * GIB).toString(8)}`.padStart(11, "0"), 483);
  header.write("ustar  \0", 257, "latin1");
  header.fill(0x20, 148, 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return gzipSync(Buffer.concat([header, Buffer.alloc(1024)]));
}

describe("sparse files", () => {
  let folder;
  let source;
  const where = (tag) => `oci:${join(folder.path, "layout")}:${tag}`;
  before(() => {
    folder = tempFolder("sparse");
    source = join(folder.path, "source");
    mkdirSync(source);
    mkdirSync(join(folder.path, "layout"));
    for (const [name, { size, runs }] of Object.entries(FILES)) {
      const path = join(source, name);
      writeFileSync(path, "");
      truncateSync(path, size);
      const file = openSync(path, "r+");
      for (const [at, length] of runs) writeSync(file, Buffer.alloc(length, `${name}${at}`), 0, length, at);
      closeSync(file);
    }
    const writer = layoutWriter(join(folder.path, "layout"));
    for (const [form, options] of Object.entries(FORMS)) {
      const made = execFileSync("tar", [...options, "-C", source, "-cf", "-", "."], { maxBuffer: GIB });
      assert.ok(made.length < 2 * MIB, "the tar is sparse");
      writer.addPlain(form.replace(" ", "-"), gzipSync(made));
    }
    writer.addPlain("bomb", bomb());
    writer.finish();
  });
  after(() => folder.remove());

  /** The files of a folder are those of the source, and as small. */
  function same(dir) {
    for (const [name, { size, runs }] of Object.entries(FILES)) {
      const [path, stats] = [join(dir, name), statSync(join(dir, name))];
      assert.equal(stats.size, size, name);
      assert.equal(shaOf(path), shaOf(join(source, name)), name);
      let data = 0;
      for (const run of runs) data += run[1];
      const taken = stats.blocks * 512;
      assert.ok(
        taken <= data + runs.length * 8192 + 65_536,
        `${name}: ${taken} bytes on disk for ${data} of data`,
      );
    }
  }

  for (const form of Object.keys(FORMS)) {
    const tag = form.replace(" ", "-");
    test(`${form}: cp makes holes, and tar is sparse for GNU tar, read again by us`, async () => {
      const dir = join(folder.path, `cp-${tag}`);
      const copied = await ocipeek(["cp", where(tag), "/.", dir]);
      assert.equal(copied.code, 0, copied.stderr);
      same(dir);

      const archived = await ocipeek(["cp", where(tag), "/.", "-"]);
      assert.equal(archived.code, 0, archived.stderr);
      assert.ok(archived.stdout.length < MIB, `${archived.stdout.length} bytes of archive`);
      const back = join(folder.path, `tar-${tag}`);
      mkdirSync(back);
      execFileSync("tar", ["-C", back, "-xf", "-"], { input: archived.stdout });
      same(back);

      const layout = join(folder.path, `again-${tag}`);
      mkdirSync(layout);
      const writer = layoutWriter(layout);
      writer.addPlain("again", gzipSync(archived.stdout));
      writer.finish();
      const image = await open(`oci:${layout}:again`);
      for (const name of Object.keys(FILES)) {
        assert.equal(sha(await image.readFile(`/${name}`)), shaOf(join(source, name)), name);
      }
      await image.close();
    });
  }

  test("Python reads the archive, names that are not ASCII too", async () => {
    const { stdout } = await ocipeek(["cp", where("gnu"), "/.", "-"]);
    const script = `
import hashlib, io, json, sys, tarfile
t = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
print(json.dumps({m.name: [m.size, hashlib.sha256(t.extractfile(m).read()).hexdigest()] for m in t if m.isreg()}))`;
    const read = JSON.parse(execFileSync("python3", ["-c", script], { input: stdout, encoding: "utf8" }));
    const wanted = Object.entries(FILES).map(([name, { size }]) => [name, [size, shaOf(join(source, name))]]);
    assert.deepEqual(read, Object.fromEntries(wanted));
  });

  test("a hole counts as inflated when it is read, and costs nothing where it stays one", async () => {
    const image = await open(where("bomb"));
    try {
      const before = image.stats.inflated;
      let read = 0;
      for await (const chunk of image.createReadStream("/bomb", { end: 300 * MIB })) read += chunk.length;
      assert.equal(read, 300 * MIB);
      assert.ok(image.stats.inflated - before >= 300 * MIB, `${image.stats.inflated - before}`);
      const counted = image.stats.inflated;
      let archive = 0;
      const top = await image.stat("/");
      for await (const chunk of tar(itemsOf(image, top, new Uint8Array()))) archive += chunk.length;
      assert.ok(archive <= 20 * 512, `${archive} bytes`);
      assert.ok(image.stats.inflated - counted < 4096);
      assert.ok(image.stats.bytes < 2000);
    } finally {
      await image.close();
    }
    const dir = join(folder.path, "bomb");
    assert.equal((await ocipeek(["cp", where("bomb"), "/.", dir])).code, 0);
    const stats = statSync(join(dir, "bomb"));
    assert.deepEqual([stats.size, stats.blocks], [4 * GIB, 0]);
  });
});
