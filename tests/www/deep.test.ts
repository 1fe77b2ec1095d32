// Trees that are deeper than any stack: compared, summed up.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "../../www/src/engine/catalogue/builder.ts";
import { type Tree, TreeBuilder } from "../../www/src/engine/catalogue/tree.ts";
import { compareTrees } from "../../www/src/engine/compare/comparison.ts";
import { MARKS } from "../../www/src/protocol/catalogue.ts";

const DEPTH = 50_000;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function row(name: string, depth: number, type: Row["type"], size = 0): Row {
  const owner = { uid: 0, gid: 0 };
  return {
    name: bytes(name),
    depth,
    type,
    size,
    counts: type === "file",
    mode: 0o755,
    ...owner,
    mtime: 0,
    layer: 0,
    flags: 0,
  };
}

/** `d/d/d/…` with these files in the last folder. */
function chain(files: [name: string, size: number][]): Tree {
  const builder = new TreeBuilder();
  for (let depth = 0; depth < DEPTH; depth++) builder.add(row("d", depth, "directory"));
  for (const [name, size] of files) builder.add(row(name, DEPTH, "file", size));
  return builder.finish(0);
}

const marks = (tree: Tree["catalogue"]): Set<string | undefined> =>
  new Set([...tree.mark.subarray(1)].map((mark) => MARKS[mark]));

test("what is removed is summed up at any depth", () => {
  const { catalogue: gone, depths } = chain([
    ["a", 3],
    ["b", 4],
  ]);
  // A file in the place of the folder takes all of it away; each folder keeps what it had.
  const builder = new TreeBuilder();
  builder.add(row("d", 0, "file", 5), "added");
  for (let at = 1; at < gone.count; at++) {
    const isFile = at > DEPTH;
    const name = isFile ? (at === DEPTH + 1 ? "a" : "b") : "d";
    const size = isFile ? (gone.size[at] ?? 0) : 0;
    builder.add(row(name, (depths[at] ?? 0) - 1, isFile ? "file" : "directory", size), "removed");
  }
  const { catalogue: c } = builder.finish(1);
  const top = c.mark.indexOf(MARKS.indexOf("removed"));
  assert.deepEqual([c.size[top], c.files[top], c.files[0], c.size[0]], [7, 2, 1, 5]);
  assert.equal(c.size[top + DEPTH - 1], 7);
});

test("images are compared at any depth", () => {
  const side = (tree: Tree) => ({ tree, layers: ["sha256:x"] });
  const left = side(chain([["a", 3]]));
  const same = compareTrees(left, side(chain([["a", 3]])), new Map(), 1);
  assert.deepEqual(marks(same.catalogue), new Set(["none"]));
  const other = compareTrees(left, side(chain([["b", 4]])), new Map(), 2);
  assert.deepEqual(
    [other.added, other.removed],
    [
      { files: 1, bytes: 4 },
      { files: 1, bytes: 3 },
    ],
  );
  assert.equal(other.catalogue.files[0], 1);
});
