// Two images side by side: what differs, what only contents tell, and differences of texts, configs and attributes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ImageConfig } from "ocipeek";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { parseAddress } from "../../www/src/address/address.ts";
import { swapped } from "../../www/src/address/swap.ts";
import { diffTexts } from "../../www/src/engine/compare/diff.ts";
import { configChanges } from "../../www/src/format/config-diff.ts";
import { pairedRows, unifiedRows } from "../../www/src/format/diff-rows.ts";
import { factChanges } from "../../www/src/format/facts-diff.ts";
import type { Comparison, FileDiffContent } from "../../www/src/protocol/api.ts";
import { type Catalogue, markedEntries, markOf, typeOf } from "../../www/src/protocol/catalogue.ts";
import { displayPath, entryAt, pathOf } from "../../www/src/protocol/path.ts";
import { writeCompareLayout } from "../lib/compare-images.mjs";
import { layers as expectedLayers } from "../lib/expected.mjs";
import { call, engineOn, STATIC } from "../lib/page/engine-parts.ts";
import { tempFolder } from "../lib/processes.mjs";

const linesOf = (c: Catalogue): string[] =>
  [...markedEntries(c, ["added", "changed", "removed", "unverified-same"])].map(
    (at) => `${markOf(c, at)} ${displayPath(pathOf(c, at))}${typeOf(c, at) === "directory" ? "/" : ""}`,
  );

describe("two images", () => {
  const folder = tempFolder("compare");
  let registry: Awaited<ReturnType<typeof serveLayout>>;
  let engine: ReturnType<typeof engineOn>["engine"];
  let sent: ReturnType<typeof engineOn>["sent"];
  let left: number;
  let right: number;
  before(async () => {
    writeCompareLayout(folder.path);
    registry = await serveLayout({ dir: folder.path, repository: "compare" });
    ({ engine, sent } = engineOn({ registry: registry.host }));
    engine.configure(call(), STATIC);
    const open = async (tag: string): Promise<number> => {
      const reference = `${registry.host}/compare:${tag}`;
      return (await engine.open(call(), { kind: "registry", reference }, undefined)).id;
    };
    [left, right] = [await open("v1"), await open("v2")];
  });
  after(async () => {
    await registry.close();
    folder.remove();
  });
  const compare = (): Promise<Comparison> => Promise.resolve(engine.compare(call(), left, right));

  test("what is added, changed, removed, and what attributes do not tell", async () => {
    const comparison = await compare();
    assert.deepEqual(linesOf(comparison.catalogue), [
      "unverified-same /app/alike",
      "changed /app/data.bin",
      "removed /app/gone.txt",
      "changed /app/long.txt",
      "added /app/new.txt",
      "unverified-same /app/same",
      "changed /app/settings.conf",
      // A folder in the place of a file.
      "added /app/turns/",
      "added /app/turns/inside",
      "removed /app/turns",
      "removed /etc/protocols",
    ]);
    const protocols = expectedLayers()[0].find((line: { path: string }) => line.path === "etc/protocols");
    const { added, changed, removed, unverifiedSame, sharedLayers } = comparison;
    assert.deepEqual(added, { files: 2, bytes: 19 + 13 });
    assert.equal(changed.files, 3);
    assert.deepEqual(removed, { files: 3, bytes: 18 + 7 + protocols.size });
    assert.deepEqual(unverifiedSame, { files: 2, bytes: 32 });
    assert.equal(sharedLayers.length, 1);
    assert.equal(sharedLayers[0], protocols.layer);
  });

  test("one of a layer that both have is never read to be told equal", async () => {
    const { catalogue } = await compare();
    const entry = entryAt(catalogue, "/usr/lib/os-release") as number;
    assert.equal(markOf(catalogue, entry), "none");
  });

  test("contents tell what attributes did not, and only those are read", async () => {
    await compare();
    sent.length = 0;
    const differ = await engine.compareContents(call(), left, right, ["/app/alike", "/app/same"]);
    assert.deepEqual(differ, ["/app/alike"]);
    assert.ok(sent.every((it) => it.path.includes("/blobs/")));
    const { catalogue, unverifiedSame, changed } = await compare();
    assert.deepEqual(unverifiedSame, { files: 0, bytes: 0 });
    assert.equal(changed.files, 4);
    assert.equal(markOf(catalogue, entryAt(catalogue, "/app/alike") as number), "changed");
    assert.equal(markOf(catalogue, entryAt(catalogue, "/app/same") as number), "none");
  });

  test("the other way round, added is removed", async () => {
    const forth = await compare();
    const back = await engine.compare(call(), right, left);
    assert.deepEqual(back.added.files, forth.removed.files);
    assert.deepEqual(back.removed, forth.added);
    assert.equal(back.changed.files, 3, "contents are to be compared anew");
  });

  const diff = (path: string, around = 3) =>
    engine.diff(call(), { image: left, path }, { image: right, path }, around);

  test("a text's difference, line by line", async () => {
    const { content } = await diff("/app/settings.conf");
    assert.equal(content.kind, "text");
    const said = unified(content).map(([kind, text]) => `${kind} ${text}`);
    assert.deepEqual(said, [
      "same # Settings",
      "removed port = 8080",
      "added port = 9090",
      "same name = demo",
      "same level = info",
      "added colour = yes",
    ]);
    const far = await diff("/app/long.txt");
    assert.equal(far.content.kind === "text" && far.content.hunks.length, 2);
    const whole = await diff("/app/long.txt", 1e9);
    assert.equal(unified(whole.content).length, 302);
  });

  test("what is no text, is on one side only, or has become a folder", async () => {
    const binary = await diff("/app/data.bin");
    assert.deepEqual(binary.content, { kind: "binary", firstDifference: 6 });
    assert.deepEqual([binary.left?.size, binary.right?.size], [6, 7]);
    const gone = await diff("/app/gone.txt");
    assert.equal(gone.right, undefined);
    assert.deepEqual(unified(gone.content), [["removed", "only in the first"]]);
    const turned = await diff("/app/turns");
    assert.deepEqual(
      [turned.left?.type, turned.right?.type, turned.content.kind],
      ["file", "directory", "none"],
    );
    assert.deepEqual((await diff("/usr/lib/os-release")).content, { kind: "same" });
    assert.deepEqual((await diff("/nothing")).left, undefined);
  });
});

/** Lines with their kinds. */
function unified(content: FileDiffContent): [string, string][] {
  assert.equal(content.kind, "text");
  return unifiedRows(content.kind === "text" ? content.hunks : []).flatMap((row) =>
    row.kind === "line" ? [[row.line.kind, row.line.parts.map((part) => part.text).join("")]] : [],
  );
}

test("words that differ are marked in lines that stand for each other", async () => {
  const content = await diffTexts("port = 8080\n", "port = 9090\n", 3);
  assert.ok(content.kind === "text");
  const [removed, added] = content.hunks[0]?.lines ?? [];
  const marked = (line: typeof removed) =>
    line?.parts.filter((part) => part.differs).map((part) => part.text);
  assert.deepEqual([marked(removed), marked(added)], [["8080"], ["9090"]]);
});

test("two columns put beside each other what stands for each other", async () => {
  const content = await diffTexts("a\nb\nc\nd\n", "a\nB\nd\ne\n", 3);
  assert.ok(content.kind === "text");
  const rows = pairedRows(content.hunks).map((row) => {
    assert.ok(row.kind === "pair");
    return [row.left?.parts.map((it) => it.text).join(""), row.right?.parts.map((it) => it.text).join("")];
  });
  assert.deepEqual(rows, [
    ["a", "a"],
    ["b", "B"],
    ["c", undefined],
    ["d", "d"],
    [undefined, "e"],
  ]);
});

test("texts with nothing in common do not hold up the engine", async () => {
  const text = (seed: number): string =>
    Array.from({ length: 60_000 }, (_, i) => `${(i * 7919 * seed) % 100_003}\n`).join("");
  const started = performance.now();
  const content = await diffTexts(text(1), text(2), 3);
  assert.ok(performance.now() - started < 10_000);
  assert.ok(["unlike", "text"].includes(content.kind));
});

test("configs: variables and labels by name, what is empty told from what is missing", () => {
  const left: ImageConfig = {
    os: "linux",
    architecture: "amd64",
    config: {
      Env: ["PATH=/bin", "OLD="],
      Cmd: ["sh"],
      Labels: { a: "1", b: "2" },
      ExposedPorts: { "80/tcp": {} },
    },
  };
  const right: ImageConfig = {
    os: "linux",
    architecture: "arm64",
    config: { Env: ["PATH=/bin:/sbin"], Cmd: ["sh"], Labels: { a: "1", b: "3" }, User: "app" },
  };
  assert.deepEqual(configChanges(left, right), [
    { name: "Platform", left: "linux/amd64", right: "linux/arm64" },
    { name: "User", left: undefined, right: "app" },
    { name: "Env OLD", left: "", right: undefined },
    { name: "Env PATH", left: "/bin", right: "/bin:/sbin" },
    { name: "Port 80/tcp", left: "exposed", right: undefined },
    { name: "Label b", left: "2", right: "3" },
  ]);
  assert.deepEqual(configChanges(left, left), []);
});

test("attributes that differ, in words", () => {
  const facts = {
    path: "/x",
    type: "file" as const,
    size: 1,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "root",
    gname: "",
    mtime: 0,
    nlink: 1,
    devMajor: 0,
    devMinor: 0,
    linkname: undefined,
    hardlinkOf: undefined,
    xattrs: [] as [string, Uint8Array][],
    layer: 0,
    verified: { manifest: "digest", metadata: "ztoc-digest", content: "span-digest", header: true } as const,
  };
  const other = {
    ...facts,
    size: 2000,
    mode: 0o755,
    xattrs: [["user.a", Uint8Array.of(1, 255)]] as typeof facts.xattrs,
  };
  assert.deepEqual(factChanges(facts, other), [
    { name: "Size", left: "1 B", right: "2.0 kB (2,000)" },
    { name: "Mode", left: "rw-r--r--", right: "rwxr-xr-x" },
    { name: "Attribute user.a", left: "", right: "01ff" },
  ]);
});

test("the address of a comparison, exchanged twice, compares the same", () => {
  const address = parseAddress("#/a:1/-/etc?platform=linux/arm64&view=compare&with=b:2&show=all");
  const back = { ...address, ...swapped(address, "linux/arm64") };
  assert.deepEqual([back.image, back.with, back.path, back.show], ["b:2", "a:1", "/etc", "all"]);
  assert.deepEqual({ ...back, ...swapped(back, "linux/arm64") }, address);
  const platforms = parseAddress("#/a:1/-/?view=compare&with=a:1&with-platform=linux/arm64");
  const exchanged = swapped(platforms, "linux/amd64");
  assert.deepEqual([exchanged.platform, exchanged.withPlatform], ["linux/arm64", "linux/amd64"]);
});
