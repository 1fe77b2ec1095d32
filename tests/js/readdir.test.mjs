// Recursive listings and streams, beside what Node itself gives of the same files on disk (with their types: without, it
// follows links to folders, which in an image may lead round in circles); and what a console shows.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { open, withImage } from "../../dist/js/entry/node.js";
import { createReadStream } from "../../dist/js/node/index.js";
import { MadeLayout, OCI } from "../lib/made-images.mjs";
import { tempFolder } from "../lib/processes.mjs";

const folder = tempFolder("readdir");
let image;

before(async () => {
  const root = join(folder.path, "root");
  mkdirSync(join(root, "a", "b", "c"), { recursive: true });
  mkdirSync(join(root, "empty"));
  for (const [name, text] of [
    ["a/file", "1"],
    ["a/b/ü", "22"],
    ["a/b/c/deep", "333"],
    ["z", "4444"],
  ]) {
    writeFileSync(join(root, name), text);
  }
  symlinkSync("a", join(root, "link"));
  const tar = execFileSync("tar", ["-C", root, "-cf", "-", "."]);
  const layout = new MadeLayout();
  layout.tag("latest", layout.image([[tar, OCI.layer]]));
  image = await open(layout.files);
});

after(async () => {
  await image?.close();
  folder.remove();
});

for (const path of ["/", "/a", "/a/b", "/empty", "/link"]) {
  test(`readdir of ${path}, recursive, is as Node's`, async () => {
    const there = join(folder.path, "root", path);
    const names = (list) => [...list].sort();
    const ours = await image.readdir(path, { recursive: true, withFileTypes: true });
    const theirs = await readdir(there, { recursive: true, withFileTypes: true });
    const place = ({ parentPath, name }) => `${parentPath.replace(/\/$/, "")}/${name}`;
    assert.deepEqual(
      names(ours.map(place)),
      names(theirs.map((entry) => place(entry).slice(join(folder.path, "root").length))),
    );
    assert.deepEqual(
      names(await image.readdir(path, { recursive: true })),
      names(theirs.map((entry) => place(entry).slice(there.replace(/\/$/, "").length + 1))),
    );
    const bytes = await image.readdir(path, { recursive: true, encoding: "buffer" });
    assert.deepEqual(
      names(bytes.map((name) => Buffer.from(name).toString())),
      names(ours.map((entry) => place(entry).slice(path === "/" ? 1 : path.length + 1))),
    );
  });
}

test("a stream of Node has the file's bytes", async () => {
  const chunks = await createReadStream(image, "/a/b/c/deep", { start: 1 }).toArray();
  assert.equal(Buffer.concat(chunks).toString(), "33");
});

test("what is printed or spread has its fields", async () => {
  const stats = await image.stat("/z");
  assert.equal({ ...stats }.path, "/z");
  assert.equal({ ...stats }.mtime.getTime(), stats.mtimeMs);
  assert.match(inspect(stats), /path: '\/z'/);
  assert.match(inspect(image.stats), /log: \[/);
  const error = await image.stat("/nowhere").catch((e) => e);
  assert.deepEqual([error.code, error.path, error.reference], ["ENOENT", "/nowhere", image.name]);
  assert.doesNotMatch(inspect(error), /undefined/);
});

test("withImage closes the image, whatever happened", async () => {
  const layout = new MadeLayout();
  layout.tag("latest", layout.image([[readFileSync("/dev/null"), OCI.layer]]));
  let seen;
  assert.equal(
    await withImage(layout.files, (it) => {
      seen = it;
      return it.isOpen;
    }),
    true,
  );
  assert.equal(seen.isOpen, false);
  const mine = new Error("mine");
  await assert.rejects(
    withImage(layout.files, { tag: "latest" }, async (it) => {
      seen = it;
      throw mine;
    }),
    mine,
  );
  assert.equal(seen.isOpen, false);
  // @ts-expect-error as who writes JavaScript may call it
  await assert.rejects(withImage(layout.files), { code: "INVALID_ARGUMENT" });
});
