// What dropped and chosen files are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { localSource } from "../../www/src/page/local-source.ts";

const files = (...paths: string[]) =>
  paths.map((path) => ({ path, file: new File([path], path.split("/").at(-1) ?? "") }));

function folder(...paths: string[]): [name: string, files: string[]] | string {
  const source = localSource(files(...paths));
  if (typeof source === "string") return source;
  assert.equal(source.kind, "folder");
  return source.kind === "folder" ? [source.name, [...source.files.keys()]] : "";
}

test("one file is an archive", () => {
  const source = localSource(files("demo.tar"));
  assert.ok(typeof source !== "string" && source.kind === "file" && source.file.name === "demo.tar");
});

test("a folder is a layout, or an unpacked docker save", () => {
  assert.deepEqual(folder("d/oci-layout", "d/index.json", "d/blobs/sha256/ab"), [
    "d",
    ["oci-layout", "index.json", "blobs/sha256/ab"],
  ]);
  assert.deepEqual(folder("d/manifest.json", "d/x.json", "d/x/layer.tar"), [
    "d",
    ["manifest.json", "x.json", "x/layer.tar"],
  ]);
});

test("it is found inside of what was dropped, nearest to the top", () => {
  const paths = [
    "top/a/b/oci-layout",
    "top/img/oci-layout",
    "top/img/index.json",
    "top/other",
    "top/index.json",
  ];
  assert.deepEqual(folder(...paths), ["img", ["oci-layout", "index.json"]]);
});

test("its parts may be dropped together", () => {
  assert.deepEqual(folder("oci-layout", "index.json", "blobs/sha256/ab"), [
    "folder",
    ["oci-layout", "index.json", "blobs/sha256/ab"],
  ]);
});

test("what is none says so", () => {
  assert.match(String(folder("d/readme", "d/src/main.c")), /holds no image/);
  assert.match(String(folder("a.tar", "b.tar")), /one archive at a time/);
  assert.match(String(localSource([])), /nothing/);
  const many = Array.from({ length: 20_001 }, (_, i) => `d/${i}`);
  assert.match(String(folder(...many)), /more than 20,000 files/);
});
