// What layers do to each other and what they waste: against lists made by other tools, and the kernel's overlayfs.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { open } from "ocipeek";
import { type Tree, walkTree } from "../../www/src/engine/catalogue/tree.ts";
import { analyse } from "../../www/src/engine/layers/layers.ts";
import { type Catalogue, markOf, typeOf } from "../../www/src/protocol/catalogue.ts";
import { displayPath, entryAt, pathOf } from "../../www/src/protocol/path.ts";
import { layers as expectedLayers, merged as expectedMerged } from "../lib/expected.mjs";
import { layerTallies } from "../lib/layer-tallies.mjs";
import { tarHeader } from "../lib/synthetic-image.mjs";

const { signal } = new AbortController();
const DEMO = `oci:${new URL("../fixtures/demo", import.meta.url).pathname}:latest-soci`;
const folder = mkdtempSync(join(tmpdir(), "layers-"));
after(() => rmSync(folder, { recursive: true }));

async function analyseImage(where: string) {
  const image = await open(where, {});
  const trees: Tree[] = [];
  for (let i = 0; i < image.layers.length; i++) trees.push(await walkTree(image.layer(i), signal, true));
  const walked = await walkTree(image, signal, false);
  await image.close();
  let id = 0;
  return { ...(await analyse(trees, () => ++id)), walked };
}

/** A tree's entries as one line each. */
function linesOf({ catalogue: c }: Tree): string[] {
  const lines: string[] = [];
  for (let at = 1; at < c.count; at++) {
    const facts = [
      c.size[at],
      c.files[at],
      c.mode[at],
      c.uid[at],
      c.gid[at],
      c.mtime[at],
      c.layer[at],
      c.flags[at],
    ];
    lines.push(`${pathOf(c, at)} ${typeOf(c, at)} ${facts.join(" ")} ${c.links.get(at) ?? ""}`);
  }
  return lines;
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

test("the demo's layers laid over each other are its root file system", async () => {
  const { root, walked } = await analyseImage(DEMO);
  assert.deepEqual(linesOf(root), linesOf(walked));
});

test("each layer of the demo adds, changes and removes what the lists say", async () => {
  const { layers } = await analyseImage(DEMO);
  const removed = (layer: number): string[] => marked(layers[layer]?.catalogue as Catalogue, "removed");
  const changed = (layer: number): string[] => marked(layers[layer]?.catalogue as Catalogue, "changed");
  const added = (layer: number): string[] => marked(layers[layer]?.catalogue as Catalogue, "added");

  const tallies = layers.map((it) => ({ added: it.added, changed: it.changed, removed: it.removed }));
  assert.deepEqual(tallies, layerTallies());

  assert.deepEqual(removed(0), []);
  assert.deepEqual(changed(0), []);
  assert.ok(removed(2).includes("/opt/odd/hard-1"), "by a whiteout");
  assert.ok(removed(2).includes("/opt/turns-into-dir"), "by a folder in its place");
  assert.ok(removed(2).includes("/opt/turns-into-file/"), "by a file in its place");
  assert.ok(added(2).includes("/opt/turns-into-dir/"));
  assert.ok(added(2).includes("/opt/turns-into-file"));
  assert.ok(changed(2).includes("/usr/lib/os-release"));
  assert.ok(removed(3).length > 100, "by an opaque folder");
  assert.ok(removed(3).every((path) => path.startsWith("/usr/share/ca-certificates/")));
  assert.ok(changed(4).includes("/etc/hostname"), "removed and added by the same layer");
  assert.ok(!removed(4).includes("/etc/never-existed"));
  assert.ok(removed(4).includes("/usr/share/zoneinfo/Asia/Tokyo"));
});

test("what is removed keeps its size and counts in no folder that stays", async () => {
  const { layers, root } = await analyseImage(DEMO);
  const c = layers[3]?.catalogue as Catalogue;
  const at = entryAt(c, "/usr/share/ca-certificates") as number;
  assert.equal(c.size[at], 12);
  assert.equal(c.files[at], 2);
  assert.equal(c.size[0], 12);
  const mozilla = entryAt(c, "/usr/share/ca-certificates/mozilla") as number;
  assert.equal(markOf(c, mozilla), "removed");
  assert.equal(c.size[mozilla], layers[3]?.removed.bytes);
  assert.equal(c.files[mozilla], layers[3]?.removed.files);
  assert.equal(entryAt(root.catalogue, "/usr/share/ca-certificates/mozilla"), undefined);
});

test("waste is what the root file system does not show", async () => {
  const { layers, waste } = await analyseImage(DEMO);
  const shown = expectedMerged();
  const seen = new Set<string>();
  let bytes = 0;
  for (const line of shown) {
    if (line.type !== "reg") continue;
    const inode = `${line.layer_index}:${line.offset}`;
    if (!seen.has(inode)) bytes += line.size;
    seen.add(inode);
  }
  assert.equal(waste.total - waste.wasted, bytes);
  assert.equal(
    waste.total,
    layers.reduce((sum, it) => sum + it.total, 0),
  );
  assert.equal(
    waste.wasted,
    layers.reduce((sum, it) => sum + it.wasted, 0),
  );
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

test("400 images laid over each other show what an overlayfs mount of them shows", async () => {
  const text = readFileSync(new URL("../fixtures/paths/overlay.jsonl", import.meta.url), "utf8");
  const cases = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(cases.length, 400);
  for (const [number, { layers, tree }] of cases.entries()) {
    const where = join(folder, String(number));
    writeLayout(where, layers);
    const { root } = await analyseImage(`oci:${where}`);
    const { catalogue: c } = root;
    const shown: Record<string, string> = {};
    for (let at = 1; at < c.count; at++) {
      const path = pathOf(c, at).slice(1);
      shown[path] = typeOf(c, at) === "directory" ? "dir" : contentOf(c, at);
    }
    const wanted = Object.fromEntries(
      Object.entries(tree as Record<string, string>).map(([path, it]) => [
        path,
        it === "dir" ? it : numbersOf(it, layers),
      ]),
    );
    assert.deepEqual(shown, wanted, JSON.stringify(layers));
  }
});

/** Which entry's content a file has: its size, or its target, says it. */
const contentOf = (c: Catalogue, at: number): string =>
  c.links.has(at) ? `${c.layer[at]}:${c.links.get(at)}` : `${c.layer[at]}:${(c.size[at] ?? 0) - 1}`;

/** The same of an entry of the list, `layer:entry`. */
function numbersOf(it: string, layers: string[][]): string {
  const [layer = 0, entry = 0] = it.split(":").map(Number);
  const line = layers[layer]?.[entry] ?? "";
  const target = / -> (.*)$/.exec(line)?.[1];
  return `${layer}:${target ?? entry}`;
}

/** An image of plain tars. A file's size is one more than its number, as the list tells entries apart by it. */
function writeLayout(where: string, layers: string[][]): void {
  mkdirSync(join(where, "blobs", "sha256"), { recursive: true });
  const put = (bytes: Buffer, mediaType: string) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(where, "blobs", "sha256", hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const descriptors = layers.map((lines) => put(tarOf(lines), "application/vnd.oci.image.layer.v1.tar"));
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: type,
      config: json(
        {
          os: "linux",
          architecture: "amd64",
          rootfs: { type: "layers", diff_ids: descriptors.map((d) => d.digest) },
        },
        "application/vnd.oci.image.config.v1+json",
      ),
      layers: descriptors,
    },
    type,
  );
  writeFileSync(join(where, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(where, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}

function tarOf(lines: string[]): Buffer {
  const parts = lines.flatMap((line, entry) => {
    const [, name = "", arrow, target = ""] = /^(.*?)(?: (->|=>) (.*))?$/.exec(line) ?? [];
    const type = name.endsWith("/") ? "5" : arrow === "->" ? "2" : arrow === "=>" ? "1" : "0";
    const size = type === "0" ? entry + 1 : 0;
    const content = Buffer.alloc(size === 0 ? 0 : 512, 0);
    return [tarHeader(name, size, type, target), content];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
