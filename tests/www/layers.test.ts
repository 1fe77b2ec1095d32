// What layers do to each other and what they waste, as the page shows it: trees in columns, with marks. What the changes are is
// the package's, and tested with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "ocipeek";
import { analyse } from "../../www/src/engine/layers/layers.ts";
import { type Catalogue, markOf, typeOf } from "../../www/src/protocol/catalogue.ts";
import { displayPath, entryAt, pathOf } from "../../www/src/protocol/path.ts";
import { layerTallies } from "../lib/layer-tallies.mjs";
import { walked } from "../lib/page/catalogue-of.ts";

const { signal } = new AbortController();
const DEMO = `oci:${new URL("../fixtures/demo", import.meta.url).pathname}:latest-soci`;

async function analyseDemo() {
  const image = await open(DEMO, {});
  let id = 0;
  const begun: number[] = [];
  const analysis = await analyse(
    image,
    () => ++id,
    (layers) => begun.push(layers),
    signal,
  );
  assert.deepEqual(begun, [1, 2, 3, 4, 5, 6], "progress is told");
  const own = await walked(image.layer(2));
  await image.close();
  return { ...analysis, own };
}

/** Paths by mark, folders with a slash. */
function marked(c: Catalogue, mark: string): string[] {
  const paths: string[] = [];
  for (let at = 1; at < c.count; at++) {
    if (markOf(c, at) === mark)
      paths.push(displayPath(pathOf(c, at)) + (typeOf(c, at) === "directory" ? "/" : ""));
  }
  return paths;
}

test("each layer's tree has marks: what it adds, changes and removes", async () => {
  const { layers, waste, own } = await analyseDemo();
  const tallies = layers.map((it) => ({ added: it.added, changed: it.changed, removed: it.removed }));
  assert.deepEqual(tallies, layerTallies());
  assert.deepEqual(
    waste.layers,
    layers.map(({ catalogue: _, ...tally }) => tally),
  );
  const paths = (mark: string) => marked(layers[2]?.catalogue as Catalogue, mark);
  assert.ok(paths("removed").includes("/opt/odd/hard-1"), "by a whiteout");
  assert.ok(paths("removed").includes("/opt/turns-into-file/"), "by a file in its place");
  assert.ok(paths("added").includes("/opt/turns-into-file"));
  assert.ok(paths("changed").includes("/usr/lib/os-release"));
  // The layer's own entries are there, but for whiteouts.
  const c = own;
  for (let at = 1; at < c.count; at++) {
    const path = pathOf(c, at);
    const isWhiteout = ["whiteout", "opaque"].includes(typeOf(c, at));
    const found = entryAt(layers[2]?.catalogue as Catalogue, path);
    assert.equal(found === undefined, isWhiteout, path);
    if (found === undefined) continue;
    const shown = layers[2]?.catalogue as Catalogue;
    for (const column of ["mode", "uid", "gid", "mtime", "flags"] as const) {
      if ((c.flags[at] ?? 0) & 4) continue;
      assert.deepEqual(shown[column][found], c[column][at], `${path}: ${column}`);
    }
  }
});

test("what is removed keeps its size and counts in no folder that stays", async () => {
  const { layers } = await analyseDemo();
  const c = layers[3]?.catalogue as Catalogue;
  const at = entryAt(c, "/usr/share/ca-certificates") as number;
  assert.equal(c.size[at], 12);
  assert.equal(c.files[at], 2);
  assert.equal(c.size[0], 12);
  const mozilla = entryAt(c, "/usr/share/ca-certificates/mozilla") as number;
  assert.equal(markOf(c, mozilla), "removed");
  assert.equal(c.size[mozilla], layers[3]?.removed.bytes);
  assert.equal(c.files[mozilla], layers[3]?.removed.files);
});

test("the largest waste, by encoded paths", async () => {
  const { waste } = await analyseDemo();
  assert.equal(waste.worst[0]?.path, "/etc/ssl/certs/ca-certificates.crt");
  assert.ok(waste.worst.every(({ path }) => path.startsWith("/") && !/[^\x21-\x7e]/.test(path)));
  assert.ok(waste.wasted > 0 && waste.wasted < waste.total);
});
