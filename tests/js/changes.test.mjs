// What layers do to each other and what they waste: against lists made by other tools, and the kernel's overlayfs.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { open } from "../../dist/js/entry/node.js";
import { layers as expectedLayers, merged as expectedMerged } from "../lib/expected.mjs";
import { layerTallies } from "../lib/layer-tallies.mjs";
import { tarHeader } from "../lib/synthetic-image.mjs";

const DEMO = `oci:${new URL("../fixtures/demo", import.meta.url).pathname}:latest-soci`;
const folder = mkdtempSync(join(tmpdir(), "changes-"));
after(() => rmSync(folder, { recursive: true }));

/** All that the package says of an image's layers. */
async function analyse(where) {
  const image = await open(where, {});
  const layers = image.layers.map(() => []);
  const waste = await image.waste({ onChange: (layer, change) => layers[layer].push(change) });
  const walked = [];
  for await (const stats of image.walk("/")) walked.push(stats);
  const [first] = layers;
  for await (const { change, stats } of image.changes(0)) {
    const same = first.shift();
    assert.deepEqual(
      [change, JSON.stringify(stats)],
      [same.change, JSON.stringify(same.stats)],
      "alone as in one go",
    );
    layers[0].push(same);
  }
  await image.close();
  return { layers, waste, walked };
}

/** Each path as latin1 text: an entry of the tree that the changes of all layers make, one layer after the other. */
function applied(layers) {
  let tree = new Map();
  for (const changes of layers) {
    const next = new Map(tree);
    // What is added comes before what is removed at its path.
    for (const { change, stats } of changes) if (change === "removed") next.delete(keyOf(stats));
    for (const { change, stats } of changes) if (change !== "removed") next.set(keyOf(stats), stats);
    tree = next;
  }
  return tree;
}
const keyOf = (stats) => Buffer.from(stats.pathBytes).toString("latin1");

/** Paths of one kind of change, folders with a slash. */
const pathsOf = (changes, kind) =>
  changes
    .filter(({ change }) => change === kind)
    .map(({ stats }) => `${stats.path}${stats.isDirectory() ? "/" : ""}`);

test("the demo's changes, one layer after the other, make its root file system", async () => {
  const { layers, walked } = await analyse(DEMO);
  const tree = applied(layers);
  assert.equal(tree.size, walked.length);
  for (const stats of walked) {
    const { verified: _, ...wanted } = JSON.parse(JSON.stringify(stats));
    const { verified: __, ...has } = JSON.parse(JSON.stringify(tree.get(keyOf(stats)) ?? {}));
    assert.deepEqual(has, wanted);
  }
});

test("each layer of the demo adds, changes and removes what the lists say", async () => {
  const { layers, waste } = await analyse(DEMO);
  const tallies = waste.layers.map(({ added, changed, removed }) => ({ added, changed, removed }));
  assert.deepEqual(tallies, layerTallies());
  const paths = (layer, kind) => pathsOf(layers[layer], kind);
  assert.deepEqual(paths(0, "removed"), []);
  assert.deepEqual(paths(0, "changed"), []);
  assert.ok(paths(2, "removed").includes("/opt/odd/hard-1"), "by a whiteout");
  assert.ok(paths(2, "removed").includes("/opt/turns-into-dir"), "by a folder in its place");
  assert.ok(paths(2, "removed").includes("/opt/turns-into-file/"), "by a file in its place");
  assert.ok(paths(2, "added").includes("/opt/turns-into-dir/"));
  assert.ok(paths(2, "added").includes("/opt/turns-into-file"));
  assert.ok(paths(2, "changed").includes("/usr/lib/os-release"));
  assert.ok(paths(3, "removed").length > 100, "by an opaque folder");
  assert.ok(paths(3, "removed").every((path) => path.startsWith("/usr/share/ca-certificates/")));
  assert.ok(paths(4, "changed").includes("/etc/hostname"), "removed and added by the same layer");
  assert.ok(!paths(4, "removed").includes("/etc/never-existed"));
  assert.ok(paths(4, "removed").includes("/usr/share/zoneinfo/Asia/Tokyo"));
  const { replaced } = layers[2].find(({ stats }) => stats.path === "/usr/lib/os-release");
  const old = expectedLayers()
    .slice(0, 2)
    .flat()
    .findLast(({ path }) => path === "usr/lib/os-release");
  assert.deepEqual([replaced.size, replaced.layer], [old.size, old.layer_index]);
});

test("waste is what the root file system does not show", async () => {
  const { waste } = await analyse(DEMO);
  const seen = new Set();
  let bytes = 0;
  for (const line of expectedMerged()) {
    if (line.type !== "reg") continue;
    const inode = `${line.layer_index}:${line.offset}`;
    if (!seen.has(inode)) bytes += line.size;
    seen.add(inode);
  }
  const sum = (field) => waste.layers.reduce((all, it) => all + it[field], 0);
  assert.equal(waste.total - waste.wasted, bytes);
  assert.equal(waste.total, sum("total"));
  assert.equal(waste.wasted, sum("wasted"));
  const [first, second] = waste.worst;
  assert.ok(first && second && first.wasted >= second.wasted);
  const services = waste.worst.find((it) => it.path === "/etc/services");
  const sizes = expectedLayers()
    .flat()
    .filter((it) => it.path === "etc/services")
    .map((it) => it.size);
  assert.equal(services?.copies, sizes.length);
  assert.equal(services?.wasted, sizes[0]);
});

test("400 images: changes of all layers make what an overlayfs mount of them shows, and waste is what it does not", async () => {
  const text = readFileSync(new URL("../fixtures/paths/overlay.jsonl", import.meta.url), "utf8");
  const cases = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(cases.length, 400);
  for (const [number, { layers: lines, tree }] of cases.entries()) {
    const where = join(folder, String(number));
    writeLayout(where, lines);
    const { layers, waste, walked } = await analyse(`oci:${where}`);
    const shown = {};
    for (const [path, stats] of applied(layers)) {
      const { linkname } = stats;
      const content = linkname === undefined ? stats.size - 1 : linkname;
      shown[encodeURI(path.slice(1))] = stats.isDirectory() ? "dir" : `${stats.layer}:${content}`;
    }
    const wanted = Object.fromEntries(
      Object.entries(tree).map(([path, it]) => [encodeURI(path), it === "dir" ? it : numbersOf(it, lines)]),
    );
    assert.deepEqual(shown, wanted, JSON.stringify(lines));
    const seen = new Map();
    for (const stats of walked) {
      // The first name may be another file's by now.
      const name = stats.nlink > 1 ? `link ${stats.hardlinkOf ?? stats.path}` : stats.path;
      if (stats.isFile()) seen.set(`${stats.layer}:${name}`, stats.size);
    }
    const bytes = [...seen.values()].reduce((all, size) => all + size, 0);
    assert.equal(waste.total - waste.wasted, bytes, JSON.stringify(lines));
  }
});

test("a folder that is touched, not changed, changed", async () => {
  const layer = (mode, ...names) =>
    Buffer.concat([
      ...names.map((name) => tarHeader(name, 0, name.endsWith("/") ? "5" : "0", "", mode)),
      Buffer.alloc(1024),
    ]);
  const where = join(folder, "folders");
  writeTars(where, [
    layer(0o755, "a/", "a/x", "b/", "b/y", "c/", "c/z"),
    layer(0o755, "a/", "b/new"),
    layer(0o700, "a/", "c/.wh.z", ".wh.b", "b/other"),
  ]);
  const { layers } = await analyse(`oci:${where}`);
  const said = layers.map((changes) => changes.map(({ change, stats }) => `${change} ${stats.path}`));
  assert.deepEqual(said.slice(1), [
    ["none /a", "none /b", "added /b/new"],
    ["changed /a", "none /b", "removed /b/new", "added /b/other", "removed /b/y", "none /c", "removed /c/z"],
  ]);
});

test("a layer that is not there", async () => {
  const image = await open(DEMO);
  await assert.rejects(image.changes(99).next(), { code: "INVALID_ARGUMENT" });
  assert.equal(image.isMerged, false);
  await image.close();
});

/** The entry that the list names, `layer:entry`, as {@link applied} tells them apart. */
function numbersOf(it, layers) {
  const [layer = 0, entry = 0] = it.split(":").map(Number);
  const target = / -> (.*)$/.exec(layers[layer]?.[entry] ?? "")?.[1];
  return `${layer}:${target ?? entry}`;
}

/** An image of plain tars. A file's size is one more than its number, as the list tells entries apart by it. */
function writeLayout(where, layers) {
  writeTars(where, layers.map(tarOf));
}

function writeTars(where, tars) {
  mkdirSync(join(where, "blobs", "sha256"), { recursive: true });
  const put = (bytes, mediaType) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(where, "blobs", "sha256", hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value, mediaType) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const descriptors = tars.map((tar) => put(tar, "application/vnd.oci.image.layer.v1.tar"));
  const rootfs = { type: "layers", diff_ids: descriptors.map((d) => d.digest) };
  const config = { os: "linux", architecture: "amd64", rootfs };
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: type,
      config: json(config, "application/vnd.oci.image.config.v1+json"),
      layers: descriptors,
    },
    type,
  );
  writeFileSync(join(where, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(where, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}

function tarOf(lines) {
  const parts = lines.flatMap((line, entry) => {
    const [, name = "", arrow, target = ""] = /^(.*?)(?: (->|=>) (.*))?$/.exec(line) ?? [];
    const type = name.endsWith("/") ? "5" : arrow === "->" ? "2" : arrow === "=>" ? "1" : "0";
    const size = type === "0" ? entry + 1 : 0;
    return [tarHeader(name, size, type, target), Buffer.alloc(size === 0 ? 0 : 512, 0)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
