// One dialect of globs (docs/globs.md): the table of cases by walks and patterns of the package, and by the command.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compileGlob, open } from "../../dist/js/entry/node.js";
import { ocipeek } from "../lib/cli.mjs";
import { checkMatches, matches, refused, writeGlobImage } from "../lib/globs.mjs";
import { tempFolder } from "../lib/processes.mjs";

let folder;
let where;
let image;
before(async () => {
  folder = tempFolder("globs");
  writeGlobImage(folder.path);
  where = `oci:${folder.path}:globs`;
  image = await open(where);
});
after(async () => {
  await image.close();
  folder.remove();
});

async function walk(glob) {
  const paths = [];
  for await (const { path } of image.walk("/", { glob })) paths.push(path.slice(1));
  return paths;
}

test("walks of the package", async () => {
  await checkMatches(walk);
  for (const pattern of refused) {
    await assert.rejects(walk(pattern), { code: "INVALID_ARGUMENT" }, JSON.stringify(pattern));
  }
});

test("patterns of the package", async () => {
  for (const [pattern, yes, no] of matches) {
    const glob = await compileGlob(pattern);
    assert.equal(glob.foldersOnly, pattern.endsWith("/"), pattern);
    for (const path of yes) assert.ok(glob.matches(path), `${pattern} should match ${path}`);
    for (const path of no) assert.ok(!glob.matches(path), `${pattern} should not match ${path}`);
    assert.ok(!glob.matches("/"), `${pattern} should not match the root`);
    glob.close();
  }
  for (const pattern of refused) {
    await assert.rejects(compileGlob(pattern), { code: "INVALID_ARGUMENT" }, JSON.stringify(pattern));
  }
});

test("names of a tree, some at a time", async () => {
  const glob = await compileGlob("**/x/*b");
  // /a/x/{ab,b}, /x/b, and one that goes back to a folder that was left.
  const names = ["", "a", "x", "ab", "b", "x", "b"];
  const parents = Uint32Array.of(0, 0, 1, 2, 2, 0, 5);
  const found = [];
  for (let first = 0; first < names.length; ) {
    const batch = glob.matchNames(
      first,
      names.slice(first, first + 2).join("/"),
      parents.subarray(first, first + 2),
    );
    found.push(...batch.found);
    first += batch.count;
  }
  assert.deepEqual(found, [3, 4, 6]);
  assert.throws(() => glob.matchNames(7, "y", Uint32Array.of(2)), { code: "INVALID_ARGUMENT" });
  glob.close();
});

test("the command find", async () => {
  const find = async (pattern) => {
    const { code, stdout, stderr } = await ocipeek(["find", where, "--in", "/", "-0", "--", pattern]);
    assert.deepEqual([code, stderr], [0, ""], pattern);
    return stdout
      .toString()
      .split("\0")
      .map((path) => path.slice(1));
  };
  const waiting = [...matches];
  const work = async () => {
    for (let it = waiting.pop(); it; it = waiting.pop()) {
      const one = it;
      const found = new Set(await find(one[0]));
      for (const path of one[1])
        assert.ok(found.has(path.replace(/\/$/, "")), `${one[0]} should match ${path}`);
      for (const path of one[2]) assert.ok(!found.has(path), `${one[0]} should not match ${path}`);
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  const { code, stderr } = await ocipeek(["find", where, "--", "["]);
  assert.notEqual(code, 0);
  assert.match(stderr, /is not a pattern/);
});
