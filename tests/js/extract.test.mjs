// `cp` to disk stays inside its target, whatever names the image holds and whatever lies in the target.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { checkName, Extractor, UnsafeTarget } from "../../dist/cli/extract.js";
import { content, fakeStats, latin1 } from "../lib/fake-stats.mjs";
import { tempFolder } from "../lib/processes.mjs";

const DIR = { type: "directory", mode: 0o755 };
/** @returns {[any, AsyncIterable<Uint8Array>]} */
const file = (data, fields = {}) => [fakeStats({ size: data.length, ...fields }), content(data)];
const link = (target, more = {}) => fakeStats({ type: "symlink", linkname: target, ...more });

describe("extract", () => {
  let folder;
  let root;
  let outside;
  beforeEach(() => {
    folder = tempFolder("extract");
    root = join(folder.path, "root");
    outside = join(folder.path, "outside");
    mkdirSync(root);
    mkdirSync(outside);
  });
  afterEach(() => folder.remove());

  const untouched = () => assert.deepEqual(readdirSync(outside), []);
  const noLeftovers = (dir = root) => assert.ok(!readdirSync(dir).some((n) => n.endsWith(".part")));

  test("writes files, folders and links with modes and times", async () => {
    const x = new Extractor(root);
    await x.directory(latin1("d"), fakeStats({ ...DIR, mode: 0o550, mtimeNs: 5_000_000_000n }));
    await x.file(latin1("d/f"), ...file("hello", { mode: 0o4750, mtimeNs: 1_500_000_000n }));
    await x.symlink(latin1("d/l"), link("/etc/passwd", { mtimeNs: 2_500_000_000n }));
    await x.hardlink(latin1("d/h"), latin1("d/f"));
    await x.finish();
    const d = lstatSync(join(root, "d"));
    assert.equal(d.mode & 0o7777, 0o550);
    assert.equal(d.mtimeMs, 5000);
    const f = lstatSync(join(root, "d/f"));
    assert.equal(f.mode & 0o7777, 0o750, "no set-user-id bit");
    assert.equal(f.mtimeMs, 1500);
    assert.equal(f.nlink, 2);
    assert.equal(readFileSync(join(root, "d/f"), "utf8"), "hello");
    assert.equal(readlinkSync(join(root, "d/l")), "/etc/passwd");
    assert.equal(lstatSync(join(root, "d/l")).mtimeMs, 2500);
    noLeftovers(join(root, "d"));
  });

  test("times before 1970", async () => {
    const x = new Extractor(root);
    await x.directory(latin1("d"), fakeStats({ ...DIR, mtimeNs: -86_400_500_000_000n }));
    await x.file(latin1("f"), ...file("old", { mtimeNs: -1_500_000_000n }));
    await x.symlink(latin1("l"), link("f", { mtimeNs: -2_000_000_000n }));
    await x.finish();
    const times = ["d", "f", "l"].map((name) => lstatSync(join(root, name)).mtimeMs);
    assert.deepEqual(times, [-86_400_500, -1500, -2000]);
  });

  test("special bits only where asked for", async () => {
    const x = new Extractor(root, { preserveSpecial: true });
    await x.file(latin1("f"), ...file("x", { mode: 0o4755 }));
    assert.equal(statSync(join(root, "f")).mode & 0o7777, 0o4755);
  });

  test("names that are not UTF-8", async () => {
    const x = new Extractor(root);
    await x.directory(latin1("d\xff"), fakeStats(DIR));
    await x.file(latin1("d\xff/f\xfe\n"), ...file("x"));
    await x.finish();
    const [dir] = readdirSync(root, { encoding: "buffer" });
    assert.deepEqual([...dir], [0x64, 0xff]);
    const [name] = readdirSync(Buffer.concat([Buffer.from(`${root}/`), dir]), { encoding: "buffer" });
    assert.deepEqual([...name], [0x66, 0xfe, 0x0a]);
  });

  for (const name of [
    "..",
    ".",
    "",
    "../outside/f",
    "a/../../outside/f",
    "/etc/f",
    "d/..",
    "d/.",
    "nul\0",
    "d//f",
  ]) {
    test(`refuses the name ${JSON.stringify(name)}`, async () => {
      const x = new Extractor(root);
      await x.directory(latin1("d"), fakeStats(DIR));
      await assert.rejects(x.file(latin1(name), ...file("x")), UnsafeTarget);
      await assert.rejects(x.directory(latin1(name), fakeStats(DIR)), UnsafeTarget);
      await assert.rejects(x.symlink(latin1(name), link("t")), UnsafeTarget);
      await assert.rejects(x.hardlink(latin1(name), latin1("d")), UnsafeTarget);
      untouched();
      assert.deepEqual(readdirSync(root), ["d"]);
    });
  }

  test("a hard link's target is checked too", async () => {
    writeFileSync(join(outside, "secret"), "s");
    const x = new Extractor(root);
    await x.file(latin1("f"), ...file("x"));
    await x.hardlink(latin1("h"), latin1("../outside/secret"));
    await assert.rejects(x.finish(), UnsafeTarget);
    assert.ok(!existsSync(join(root, "h")));
  });

  test("a link of the image is not followed by its own files", async () => {
    const x = new Extractor(root);
    await x.symlink(latin1("d"), link(outside));
    await assert.rejects(x.file(latin1("d/f"), ...file("x")), UnsafeTarget);
    await x.finish();
    untouched();
  });

  test("a link that lies in the target is replaced, not written through", async () => {
    writeFileSync(join(outside, "victim"), "old");
    symlinkSync(join(outside, "victim"), join(root, "f"));
    symlinkSync(join(outside, "new"), join(root, "g"));
    const x = new Extractor(root);
    await x.file(latin1("f"), ...file("new"));
    await x.file(latin1("g"), ...file("new"));
    assert.equal(readFileSync(join(outside, "victim"), "utf8"), "old");
    assert.deepEqual(readdirSync(outside), ["victim"]);
    assert.ok(lstatSync(join(root, "f")).isFile());
  });

  test("a folder that is a link in the target is refused", async () => {
    symlinkSync(outside, join(root, "d"));
    const x = new Extractor(root);
    await assert.rejects(x.directory(latin1("d"), fakeStats(DIR)), UnsafeTarget);
    await assert.rejects(x.file(latin1("d/f"), ...file("x")), UnsafeTarget);
    untouched();
  });

  test("a folder swapped for a link while a file is written is noticed", async () => {
    const x = new Extractor(root);
    await x.directory(latin1("d"), fakeStats(DIR));
    async function* swapping() {
      yield latin1("x");
      renameSync(join(root, "d"), join(root, "moved"));
      symlinkSync(outside, join(root, "d"));
    }
    await assert.rejects(x.file(latin1("d/f"), fakeStats({ size: 1 }), swapping()), UnsafeTarget);
    untouched();
  });

  test("a folder swapped for a link is not given mode and time", async () => {
    chmodSync(outside, 0o700);
    const x = new Extractor(root);
    await x.directory(latin1("d"), fakeStats({ ...DIR, mode: 0o777 }));
    renameSync(join(root, "d"), join(root, "moved"));
    symlinkSync(outside, join(root, "d"));
    await assert.rejects(x.finish(), UnsafeTarget);
    assert.equal(statSync(outside).mode & 0o777, 0o700);
  });

  test("a folder is never replaced by a file or link", async () => {
    mkdirSync(join(root, "d"));
    const x = new Extractor(root);
    await assert.rejects(x.file(latin1("d"), ...file("x")), UnsafeTarget);
    await x.symlink(latin1("d"), link("t"));
    await assert.rejects(x.finish(), UnsafeTarget);
    assert.ok(lstatSync(join(root, "d")).isDirectory());
    noLeftovers();
  });

  test("a file that breaks off leaves nothing", async () => {
    async function* broken() {
      yield latin1("half");
      throw new Error("broken off");
    }
    const x = new Extractor(root);
    await assert.rejects(x.file(latin1("f"), fakeStats({ size: 8 }), broken()), /broken off/);
    assert.deepEqual(readdirSync(root), []);
  });

  test("a folder that was there keeps its mode", async () => {
    mkdirSync(join(root, "d"), { mode: 0o700 });
    const x = new Extractor(root);
    await x.directory(latin1("d"), fakeStats({ ...DIR, mode: 0o777 }));
    await x.finish();
    assert.equal(statSync(join(root, "d")).mode & 0o777, 0o700);
  });
});

test("names that Windows treats in its own way are refused there", () => {
  for (const name of ["a:b", "a\\b", "con", "NUL.txt", "com1", "x.", "x ", "a*", "a\x01"]) {
    assert.throws(() => checkName(latin1(name), true), UnsafeTarget, name);
    assert.doesNotThrow(() => checkName(latin1(name), false), name);
  }
});
