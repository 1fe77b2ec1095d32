// Trees that are deeper than any stack: compared, summed up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CatalogueBuilder, type Row } from "../../www/src/engine/catalogue/builder.ts";
import { mergeTrees, talliesOf } from "../../www/src/engine/catalogue/merge.ts";
import { type Catalogue, MARKS } from "../../www/src/protocol/catalogue.ts";

const DEPTH = 50_000;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function row(name: string, depth: number, type: Row["type"], size = 0): Row {
  const owner = { uid: 0, gid: 0 };
  return {
    name: bytes(name),
    depth,
    type,
    size,
    mode: 0o755,
    ...owner,
    mtime: 0,
    layer: 0,
    flags: 0,
  };
}

/** `d/d/d/…` with these files in the last folder. */
function chain(files: [name: string, size: number][]): Row[] {
  const rows = Array.from({ length: DEPTH }, (_, depth) => row("d", depth, "directory"));
  return [...rows, ...files.map(([name, size]) => row(name, DEPTH, "file", size))];
}

const marks = (tree: Catalogue): Set<string | undefined> =>
  new Set([...tree.mark.subarray(1)].map((mark) => MARKS[mark]));

test("what is removed is summed up at any depth", () => {
  const gone = chain([
    ["a", 3],
    ["b", 4],
  ]);
  // A file in the place of the folder takes all of it away; each folder keeps what it had.
  const builder = new CatalogueBuilder();
  builder.add(row("d", 0, "file", 5), "added");
  for (const it of gone) builder.add(it, "removed");
  const c = builder.finish(1);
  const top = c.mark.indexOf(MARKS.indexOf("removed"));
  assert.deepEqual([c.size[top], c.files[top], c.files[0], c.size[0]], [7, 2, 1, 5]);
  assert.equal(c.size[top + DEPTH - 1], 7);
});

test("images are compared at any depth", async () => {
  const side = (rows: Row[]) => ({ rows, layers: ["sha256:x"] });
  const left = side(chain([["a", 3]]));
  const same = await mergeTrees(left, side(chain([["a", 3]])));
  assert.deepEqual(marks(same.finish(1)), new Set(["none"]));
  const other = await mergeTrees(left, side(chain([["b", 4]])));
  const catalogue = other.finish(2);
  const { added, removed } = talliesOf(other, catalogue);
  assert.deepEqual(
    [added, removed],
    [
      { files: 1, bytes: 4 },
      { files: 1, bytes: 3 },
    ],
  );
  assert.equal(catalogue.files[0], 1);
});

test("a folder that takes the place of a file comes first, with what is in it, and the other way round", async () => {
  const folder = [
    row("a", 0, "file", 1),
    row("x", 0, "directory"),
    row("in", 1, "file", 2),
    row("y", 0, "file", 3),
  ];
  const file = [row("x", 0, "file", 4), row("y", 0, "file", 3)];
  const layers = ["sha256:x"];
  const lines = async (left: Row[], right: Row[]): Promise<string[]> => {
    const c = (await mergeTrees({ rows: left, layers }, { rows: right, layers })).finish(1);
    const name = (at: number): string =>
      new TextDecoder().decode(c.names.subarray(c.nameEnds[at - 1], c.nameEnds[at]));
    return Array.from(
      { length: c.count - 1 },
      (_, i) => `${MARKS[c.mark[i + 1] ?? 0]} ${name(i + 1)} in ${c.parent[i + 1]}`,
    );
  };
  assert.deepEqual(await lines(file, folder), [
    "added a in 0",
    "added x in 0",
    "added in in 2",
    "removed x in 0",
    "none y in 0",
  ]);
  assert.deepEqual(await lines(folder, file), [
    "removed a in 0",
    "added x in 0",
    "removed x in 0",
    "removed in in 3",
    "none y in 0",
  ]);
});
