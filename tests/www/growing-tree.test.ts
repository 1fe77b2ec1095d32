// The tree of a layer while it is indexed: in the end it is what a walk of the layer finds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "ocipeek";
import { GrowingTree } from "../../www/src/engine/catalogue/incremental.ts";
import { type Catalogue, childrenOf, typeOf } from "../../www/src/protocol/catalogue.ts";
import { displayPath, pathOf } from "../../www/src/protocol/path.ts";
import { modelOf } from "../../www/src/ui/tree/model.ts";
import { walked } from "../lib/page/catalogue-of.ts";

/** The layer whose names try to lead out of it. */
const HOSTILE = 4;
const DEMO = `oci:${new URL("../fixtures/demo", import.meta.url).pathname}:latest`;

function linesOf(c: Catalogue): string[] {
  return Array.from({ length: c.count }, (_, at) => {
    // Entries have milliseconds.
    const mtime = Math.floor(c.mtime[at] ?? 0);
    const facts = [c.mode[at], c.uid[at], c.gid[at], mtime, c.layer[at], c.flags[at]];
    const size = typeOf(c, at) === "directory" ? "" : c.size[at];
    return `${pathOf(c, at)} ${typeOf(c, at)} ${size} ${facts.join(" ")} ${c.links.get(at) ?? ""}`;
  });
}

test("every layer of the demo image, entry by entry", async () => {
  const image = await open(DEMO, { sociIndex: false });
  for (const { index, mediaType } of image.layers) {
    if (mediaType.endsWith("zstd")) continue;
    const tree = new GrowingTree(index);
    let grown = 0;
    for await (const { newEntries } of image.indexLayer(index)) {
      for (const entry of newEntries) tree.add(entry);
      if (!tree.hasNews) continue;
      // On the way it is a tree, too.
      const { count } = tree.catalogue(1);
      assert.ok(count >= grown);
      grown = count;
    }
    const [have, want] = [linesOf(tree.catalogue(1)), linesOf(await walked(image.layer(index)))];
    if (index === HOSTILE) {
      // Names with `..` and over links: where they lead is found by the walk alone.
      assert.ok(have.length > want.length / 2);
      continue;
    }
    const differs = want.flatMap((line, at) => (line === have[at] ? [] : [[have[at], line]]));
    assert.deepEqual(differs, [], `layer ${index}`);
    assert.equal(have.length, want.length);
  }
  await image.close();
});

test("what was opened stays open while it grows", () => {
  const entry = (name: string, type: "file" | "directory") =>
    ({
      nameBytes: new TextEncoder().encode(name),
      type,
      size: 1,
      mode: 0o644,
      uid: 0,
      gid: 0,
      xattrs: [],
    }) as never;
  const tree = new GrowingTree(0);
  tree.add(entry("./b/", "directory"));
  tree.add(entry("./b/one", "file"));
  const before = tree.catalogue(1);
  const model = modelOf(before);
  const [folder = -1] = childrenOf(before, 0);
  model.setOpen(folder, true);
  model.moveTo(1);
  tree.add(entry("./a/deep/er", "file"));
  tree.add(entry("b/two", "file"));
  const now = tree.catalogue(2);
  modelOf(now).takeOver(model);
  const { entries, count } = modelOf(now).rows;
  const shown = [...entries.subarray(0, count)].map((at) => displayPath(pathOf(now, at)));
  assert.deepEqual(shown, ["/a", "/b", "/b/one", "/b/two"]);
  assert.equal(displayPath(pathOf(now, modelOf(now).cursor)), "/b/one");
});
