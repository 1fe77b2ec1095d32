// Walks of trees that are made to cost much: in proportion, in turns, and within named limits.
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { open } from "../../dist/js/entry/node.js";
import { ocipeek } from "../lib/cli.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { layoutWriter, tarOf } from "../lib/synthetic-image.mjs";

const EMPTY = Buffer.alloc(0);
const NAMES = 80_000;
const DEPTH = 2048;

const longNamed = (name, data = EMPTY) => [
  ["././@LongLink", Buffer.from(`${name}\0`), "L"],
  [name, data],
];
const nested = (depth) => `${"d/".repeat(depth)}f`;
const name = (i) => `${"a".repeat(60)}${i}`;

/** Files with very many extended attributes each, which take next to nothing of the layer. */
const ATTRIBUTED = 120;
const ATTRIBUTES = 20_000;
function attributed() {
  const records = Array.from(
    { length: ATTRIBUTES },
    (_, i) => `25 SCHILY.xattr.u${i % 10}${String(i).padStart(5, "0")}=\n`,
  );
  const header = Buffer.from(records.join(""));
  return Array.from({ length: ATTRIBUTED }, (_, i) => [
    ["pax", header, "x"],
    [`x/f${i}`, EMPTY],
  ]).flat();
}

describe("walks", () => {
  let folder;
  let where;
  before(() => {
    folder = tempFolder("walks");
    where = (tag) => `oci:${folder.path}:${tag}`;
    const writer = layoutWriter(folder.path);
    const add = (tag, files) => writer.addPlain(tag, gzipSync(tarOf(files).tar));
    add("deepest", longNamed(nested(DEPTH)));
    add("deeper", [["aa", EMPTY], ...longNamed(nested(8000)), ["z", EMPTY]]);
    add(
      "many",
      Array.from({ length: NAMES }, (_, i) => [name(i), EMPTY]),
    );
    add("attributed", attributed());
    writer.finish();
  });
  after(() => folder.remove());

  /** @param {string} tag @param {(image: any) => Promise<any>} use @param {any} [options] */
  async function using(tag, use, options = {}) {
    const image = await open(where(tag), options);
    try {
      return await use(image);
    } finally {
      await image.close();
    }
  }

  async function collect(walk) {
    const paths = [];
    let error;
    try {
      for await (const stats of walk) paths.push(stats.path);
    } catch (e) {
      error = e;
    }
    return { paths, error };
  }

  test("as deep as a path may be", async () => {
    const { paths, error } = await using("deepest", (image) => collect(image.walk("/")));
    assert.equal(error, undefined);
    assert.equal(paths.length, DEPTH + 1);
    assert.equal(paths.at(-1), `/${nested(DEPTH)}`);
  });

  test("deeper is a named limit, behind all that came before it", async () => {
    const { paths, error } = await using("deeper", (image) => collect(image.walk("/")));
    assert.equal(error.code, "LIMIT_EXCEEDED");
    assert.equal(error.limit, "maxDepth");
    assert.equal(error.path, `/${"d/".repeat(DEPTH + 1)}`.slice(0, -1));
    assert.equal(paths.length, DEPTH + 2);
    assert.deepEqual(paths.slice(0, 2), ["/aa", "/d"]);
    // It can be raised, and a look-up needs no walk.
    const limits = { maxDepth: 9000 };
    const all = await using("deeper", (image) => collect(image.walk("/")), { limits });
    assert.equal(all.error, undefined);
    assert.equal(all.paths.length, 8003);
    assert.equal((await using("deeper", (image) => image.stat(`/${nested(8000)}`))).size, 0);
  });

  /** Longest time in which nothing else ran, as a part of all of it. */
  async function longest(work) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    delay.enable();
    const start = performance.now();
    await work();
    const took = performance.now() - start;
    delay.disable();
    clearInterval(timer);
    return { took, part: delay.max / 1e6 / took, ticks };
  }

  test("other work goes on during a walk, a listing and a pattern", async () => {
    // Every position of a name may be that of the first question mark; none matches.
    const glob = `*${"?".repeat(50)}b`;
    await using("many", async (image) => {
      await image.stat("/");
      for (const [what, work] of [
        ["walk", async () => assert.equal((await collect(image.walk("/"))).paths.length, NAMES)],
        ["readdir", async () => assert.equal((await image.readdir("/")).length, NAMES)],
        ["glob", async () => assert.deepEqual((await collect(image.walk("/", { glob }))).paths, [])],
      ]) {
        const { took, part, ticks } = await longest(work);
        // The listing itself is made at once; what follows is in turns.
        assert.ok(part < 0.5 && ticks >= 4, `${what}: ${part} of ${took} ms, ${ticks} ticks`);
      }
    });
  });

  test("a caller's time limit ends a pattern on its way", async () => {
    await using("many", async (image) => {
      await image.stat("/");
      const glob = `*${"?".repeat(58)}b`;
      const full = await longest(() => collect(image.walk("/", { glob })));
      const signal = AbortSignal.timeout(Math.ceil(full.took / 8));
      const start = performance.now();
      const { paths, error } = await collect(image.walk("/", { glob, signal }));
      assert.equal(error.code, "ABORTED");
      assert.deepEqual(paths, []);
      const took = performance.now() - start;
      assert.ok(took < 0.7 * full.took, `${took} of ${full.took} ms`);
    });
  });

  test("a pattern has a budget, by name; stars need none", async () => {
    await using("many", async (image) => {
      const { error } = await collect(image.walk("/", { glob: `*${"?".repeat(1023)}` }));
      assert.equal(error, undefined, "names are shorter than that");
      const stars = await collect(image.walk("/", { glob: `${"*a".repeat(60)}*` }));
      assert.equal(stars.error, undefined);
      assert.equal(stars.paths.length, NAMES);
    });
    const limits = { maxGlobSteps: 1_000_000 };
    await using(
      "many",
      async (image) => {
        const { error } = await collect(image.walk("/", { glob: `*${"?".repeat(60)}b` }));
        assert.equal(error.code, "LIMIT_EXCEEDED");
        assert.equal(error.limit, "maxGlobSteps");
      },
      { limits },
    );
  });

  test("tree --json of a deep tree: no recursion, and no more text than the tree", async () => {
    const run = async (...args) => {
      const { code, stdout, stderr } = await ocipeek(["tree", where("deeper"), "--json", ...args]);
      return { code, text: String(stdout), stderr };
    };
    const { code, text, stderr } = await run("--limit", "maxDepth=9000");
    assert.equal(code, 0, stderr);
    // As JSON.parse does it recursively, the folders are counted in the text.
    assert.equal(text.match(/"contents": \[/g)?.length, 8001);
    assert.equal(text.match(/"type": "file"/g)?.length, 3);
    const paths = [...text.matchAll(/"path": "([^"]*)"/g)].reduce((sum, [, path]) => sum + path.length, 0);
    assert.ok(text.length < paths + 8003 * 2000, `${text.length} bytes for paths of ${paths}`);
    const shallow = await run("-L", "3");
    assert.equal(shallow.code, 0, shallow.stderr);
    const value = JSON.parse(shallow.text);
    assert.deepEqual(
      value.contents.map((it) => it.path),
      ["/aa", "/d", "/z"],
    );
    const third = value.contents[1].contents[0].contents[0];
    assert.deepEqual([third.path, third.contents], ["/d/d/d", undefined]);
    const over = await run();
    assert.equal(over.code, 5);
    assert.match(over.stderr, /maxDepth/);
  });

  test("tree and find of a deep tree end with the limit's name", async () => {
    for (const command of ["tree", "find"]) {
      const { code, stdout, stderr } = await ocipeek([command, where("deeper")]);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /maxDepth/);
      assert.ok(String(stdout).split("\n").length > DEPTH);
    }
  });

  test("attributes of files take their bytes, and not an object each for files that nobody looks at", async () => {
    await using("attributed", async (image) => {
      await image.stat("/x/f0");
      const memory = () => {
        const { heapUsed, external } = process.memoryUsage();
        return heapUsed + external;
      };
      const before = memory();
      let most = 0;
      let files = 0;
      let last;
      for await (const stats of image.walk("/x")) {
        files += 1;
        last = stats;
        most = Math.max(most, memory() - before);
      }
      assert.equal(files, ATTRIBUTED);
      assert.equal(last.xattrsBytes.length, ATTRIBUTES);
      // Sorted by their names.
      assert.equal(Buffer.from(last.xattrsBytes[4321][0]).toString(), "u203212");
      // As objects they were over 600 MB, 128 files at a time.
      assert.ok(most < 160 << 20, `${most >> 20} MiB`);
      assert.equal((await image.readdir("/x")).length, ATTRIBUTED);
    });
  });
});
