// A folder as a cache: which folders it takes, and that it touches nothing but its own files.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { DirectoryCache } from "ocipeek/node";
import { ocipeek } from "../lib/cli.mjs";
import { tempFolder } from "../lib/processes.mjs";

const MARK = ".ocipeek-cache";
const folder = tempFolder("directory-cache");
after(() => folder.remove());

let root = "";
let number = 0;
beforeEach(() => {
  root = join(folder.path, String(number++));
});

const keyOf = (value) => `sha256:${createHash("sha256").update(value).digest("hex")}`;
const fileOf = (key, of = root) => {
  const parts = key.split(":");
  return join(of, ...parts.slice(0, -1), parts.at(-1).slice(0, 2), parts.at(-1));
};
/** @type {(file: string, bytes?: string | Uint8Array) => void} */
const write = (file, bytes = "x") => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
};
/** All files below a folder, with what is in them. */
const filesBelow = (dir) =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file, readFileSync(file, "latin1")]),
  );
/** Puts values of 1000 bytes, the last one being the one used last. */
async function fill(cache, count) {
  const keys = [];
  for (let i = 0; i < count; i++) {
    const value = randomBytes(1000);
    keys.push(keyOf(value));
    await cache.put(keys[i], value);
    // In the order in which they were put, whatever the clock's steps.
    utimesSync(fileOf(keys[i]), 1e9 + i, 1e9 + i);
  }
  return keys;
}
const kept = (keys) => keys.filter((key) => existsSync(fileOf(key))).length;
const refused = (pattern) => (error) => {
  assert.equal(error.code, "INVALID_ARGUMENT");
  assert.match(error.message, pattern);
  return true;
};

describe("which folders", () => {
  test("a new one is made and marked, also for programs that make backups", async () => {
    const cache = new DirectoryCache(join(root, "a", "b"));
    await cache.check();
    assert.equal(await cache.get(keyOf("x")), undefined);
    assert.equal(existsSync(root), false, "looking changes nothing");
    await cache.put(keyOf("x"), Buffer.from("x"));
    assert.deepEqual(readdirSync(join(root, "a", "b")).sort(), [MARK, "CACHEDIR.TAG", "sha256"]);
    const tag = readFileSync(join(root, "a", "b", "CACHEDIR.TAG"), "utf8");
    assert.ok(tag.startsWith("Signature: 8a477f597d28d172789f06886806bc55\n"));
    assert.equal(lstatSync(join(root, "a", "b")).mode & 0o777, 0o700);
    const next = new DirectoryCache(join(root, "a", "b"));
    assert.equal(Buffer.from((await next.get(keyOf("x"))) ?? []).toString(), "x");
    assert.equal(Buffer.from((await next.getRange(keyOf("x"), 0, 9)) ?? []).toString(), "x");
  });

  test("folders above a new one are made", async () => {
    const deep = join(root, "a", "b", "c");
    await new DirectoryCache(deep).put(`sha256:${"1".repeat(64)}`, new Uint8Array(3));
    assert.ok(existsSync(join(deep, MARK)));
  });

  test("one that cannot be made is an error at once", { skip: !existsSync("/proc/self") }, async () => {
    const cache = new DirectoryCache("/proc/nope");
    await assert.rejects(async () => cache.put(`sha256:${"1".repeat(64)}`, new Uint8Array(3)), {
      code: "ENOENT",
    });
  });

  test("an empty one, and one that is reached by a link", async () => {
    mkdirSync(join(root, "real", "lost+found"), { recursive: true });
    symlinkSync(join(root, "real"), join(root, "link"));
    const cache = new DirectoryCache(join(root, "link"));
    await cache.put(keyOf("x"), Buffer.from("x"));
    assert.ok(await cache.get(keyOf("x")));
    assert.ok(existsSync(join(root, "real", MARK)));
  });

  test("none that holds other things, be they named as ours are; nothing in it is changed", async () => {
    const places = {
      "a file": () => write(join(root, "thesis.tex")),
      "a folder": () => mkdirSync(join(root, "photos"), { recursive: true }),
      "names like ours, without the mark": () => write(fileOf(keyOf("x"))),
      "another program's cache": () => {
        write(join(root, "CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n");
        write(join(root, "debug"));
      },
      "a link as a mark": () => {
        write(join(folder.path, "elsewhere", MARK));
        mkdirSync(root);
        symlinkSync(join(folder.path, "elsewhere", MARK), join(root, MARK));
      },
    };
    for (const [name, make] of Object.entries(places)) {
      root = join(folder.path, String(number++));
      make();
      const before = filesBelow(root);
      const cache = new DirectoryCache(root, { maxBytes: 0 });
      const message = /cannot be a cache: it holds ".+", and no file \.ocipeek-cache.*Name an empty folder/s;
      await assert.rejects(cache.check(), refused(message), name);
      await assert.rejects(cache.get(keyOf("x")), refused(message), name);
      await assert.rejects(cache.getRange(keyOf("x"), 0, 1), refused(message), name);
      await assert.rejects(cache.put(keyOf(""), Buffer.alloc(0)), refused(message), name);
      assert.deepEqual(filesBelow(root), before, name);
    }
    root = join(folder.path, "file");
    write(root);
    await assert.rejects(new DirectoryCache(root).check(), refused(/cannot be a cache: it is no folder/));
  });

  test("commands say so, with the folder's name, before anything is asked of a registry", async () => {
    write(join(root, "mine.txt"));
    const refusal = /cannot be a cache: it holds "mine\.txt".*Name an empty folder/s;
    for (const args of [
      ["cat", "--cache-dir", root, "127.0.0.1:1/a", "/etc/os-release"],
      ["serve", "--port", "0", "--cache-dir", root],
    ]) {
      const { code, stderr } = await ocipeek(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, refusal);
    }
    assert.deepEqual(readdirSync(root), ["mine.txt"]);
    for (const command of ["cat", "serve"]) {
      const { stdout } = await ocipeek([command, "--help"]);
      assert.match(stdout.toString(), /--cache-dir DIR .*: a new or empty one, or one that ocipeek made/);
    }
  });
});

describe("which files", () => {
  test("others than ours in its folder are neither counted nor deleted", async () => {
    const cache = new DirectoryCache(root, { maxBytes: 10_000 });
    await fill(cache, 1);
    const hex = "ab".repeat(32);
    const others = [
      "notes.txt",
      "sha256/notes.txt",
      `sha256/${hex}`,
      `sha256/ab/${hex}.txt`,
      `sha256/ab/cd${hex.slice(2)}`,
      `sha256/ab/ab/${hex}`,
      `blobs/sha256/ab/${hex}`,
      `SHA256/ab/${hex}`,
      `pack-v1/ab/${hex}`,
      `x/pack-v1/sha256/ab/${hex}`,
    ].map((name) => join(root, name));
    for (const file of others) {
      write(file, Buffer.alloc(50_000, file));
      utimesSync(file, 1, 1);
    }
    const before = filesBelow(root);
    const keys = await fill(new DirectoryCache(root, { maxBytes: 10_000 }), 9);
    assert.equal(kept(keys), 9, "what others have there takes no room");
    keys.push(...(await fill(cache, 30)));
    assert.ok(kept(keys) >= 9 && kept(keys) <= 10, `${kept(keys)} of 39`);
    for (const file of others) assert.equal(readFileSync(file, "latin1"), before[file], file);
  });

  test("what was not used for longest goes first, over all processes", async () => {
    const cache = new DirectoryCache(root, { maxBytes: 10_000 });
    const [oldest, ...rest] = await fill(cache, 10);
    await new DirectoryCache(root).get(oldest);
    await cache.put(keyOf("1000"), Buffer.alloc(1000));
    assert.ok(existsSync(fileOf(oldest)));
    assert.equal(kept(rest), 7);
    assert.ok(existsSync(fileOf(keyOf("1000"))));
  });

  test("links in it lead nowhere: nothing is read, written or deleted through one", async () => {
    const outside = join(folder.path, `outside-${number}`);
    const cache = new DirectoryCache(root, { maxBytes: 5000 });
    await cache.put(keyOf("first"), Buffer.from("first"));
    // The folder of an algorithm, of two digits, and a file.
    const value = Buffer.from("linked");
    const key = keyOf(value);
    const [, hex] = key.split(":");
    for (const [link, target] of [
      [join(root, "blake3"), join(outside, "blake3")],
      [join(root, "sha256", hex.slice(0, 2)), join(outside, "two")],
    ]) {
      write(join(target, hex.slice(0, 2), hex), value);
      write(join(target, hex), value);
      utimesSync(join(target, hex), 1, 1);
      rmSync(link, { recursive: true, force: true });
      symlinkSync(target, link);
    }
    const before = filesBelow(outside);
    const fresh = new DirectoryCache(root, { maxBytes: 5000 });
    for (const name of [key, `blake3:${hex}`]) {
      assert.equal(await fresh.get(name), undefined);
      assert.equal(await fresh.getRange(name, 0, 3), undefined);
      await assert.rejects(fresh.put(name, value), refused(/is a link or no folder: nothing is kept there/));
    }
    await assert.rejects(fresh.put(`blake3:${"ff".repeat(32)}`, value), refused(/is a link/));
    // A file that is a link: it is replaced itself, what it leads to stays.
    const other = Buffer.from("other");
    const file = fileOf(keyOf(other));
    write(join(outside, "target"), other);
    mkdirSync(dirname(file), { recursive: true });
    symlinkSync(join(outside, "target"), file);
    assert.equal(await fresh.get(keyOf(other)), undefined);
    await fresh.put(keyOf(other), other);
    assert.ok(lstatSync(file).isFile());
    assert.deepEqual(Buffer.from((await fresh.get(keyOf(other))) ?? []), other);
    // And everything is driven out.
    for (let i = 0; i < 30; i++) {
      const bytes = randomBytes(1000);
      if (!keyOf(bytes).startsWith(key.slice(0, 9))) await fresh.put(keyOf(bytes), bytes);
    }
    assert.deepEqual(filesBelow(outside), { ...before, [join(outside, "target")]: "other" });
    assert.equal(readlinkSync(join(root, "blake3")), join(outside, "blake3"));
  });

  test("what a crashed writer left is removed in time, what is being written is not", async () => {
    const cache = new DirectoryCache(root);
    const [key] = await fill(cache, 1);
    const left = `${fileOf(key)}.0123456789ab.part`;
    const going = `${fileOf(key)}.ba9876543210.part`;
    const others = `${fileOf(key)}.part`;
    for (const file of [left, going, others]) write(file, Buffer.alloc(10));
    const hours = Date.now() / 1000 - 2 * 3600;
    for (const file of [left, others]) utimesSync(file, hours, hours);
    await fill(new DirectoryCache(root), 1);
    assert.deepEqual([left, going, others].map(existsSync), [false, true, true]);
  });

  test("goes on when its folder is deleted, and stops when that becomes another's", async () => {
    const cache = new DirectoryCache(root, { maxBytes: 5000 });
    await fill(cache, 2);
    renameSync(root, `${root}-gone`);
    assert.equal(await cache.get(keyOf("x")), undefined);
    await fill(cache, 2);
    assert.ok(existsSync(join(root, MARK)));
    rmSync(root, { recursive: true });
    write(join(root, "mine"));
    write(fileOf(keyOf("old")), "old");
    await assert.rejects(fill(cache, 9), refused(/holds "(?:mine|sha256)"/));
    assert.equal(readFileSync(fileOf(keyOf("old")), "utf8"), "old");
  });
});

test("several processes at once: what is read is whole, and the size is kept", async () => {
  const script = `
    import { createHash } from "node:crypto";
    import { DirectoryCache } from "ocipeek/node";
    const cache = new DirectoryCache(process.argv[1], { maxBytes: 200000 });
    const seed = Number(process.argv[2]);
    let hits = 0;
    for (let i = 0; i < 150; i++) {
      const value = Buffer.alloc(5000, String((i * 7 + seed) % 60));
      const key = "sha256:" + createHash("sha256").update(value).digest("hex");
      const found = await cache.get(key);
      if (found && !value.equals(found)) throw new Error("torn");
      if (found) hits += 1;
      await cache.put(key, value);
    }
    if (hits === 0) throw new Error("no hit");
  `;
  const runs = [0, 1, 2, 3].map(
    (seed) =>
      new Promise((resolve) => {
        const args = ["--input-type=module", "-e", script, root, String(seed)];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
        let err = "";
        child.stderr.on("data", (d) => (err += d));
        child.on("close", (code) => resolve({ code, err }));
      }),
  );
  for (const { code, err } of await Promise.all(runs)) assert.equal(code, 0, err);
  const sizes = Object.entries(filesBelow(join(root, "sha256"))).map(([, bytes]) => bytes.length);
  const sum = sizes.reduce((a, b) => a + b, 0);
  // Each process knows of the others' what it saw when it counted last.
  assert.ok(sum <= 4 * 200_000, `${sum} bytes`);
  await new DirectoryCache(root, { maxBytes: 200_000 }).put(keyOf("end"), Buffer.from("end"));
  const left = Object.values(filesBelow(join(root, "sha256"))).reduce((n, bytes) => n + bytes.length, 0);
  assert.ok(left <= 200_000, `${left} bytes`);
});
