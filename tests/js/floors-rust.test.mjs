// The check of floors reads the crate's imports, in whatever form they are written.
import assert from "node:assert/strict";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { breaches, RUST } from "../../scripts/lib/floors.mjs";
import { rustImports } from "../../scripts/lib/floors-rust.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";
import { tempFolder } from "../lib/processes.mjs";

const MANIFEST = '[dependencies]\nbytes = "1"\nfutures-util = "0.3"\n\n[features]\nx = []\n';

/** The imports of a crate of such files. */
function imports(files) {
  const folder = tempFolder("floors-rust");
  try {
    for (const [name, text] of Object.entries({ "Cargo.toml": MANIFEST, ...files })) {
      const file = join(folder.path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return rustImports(folder.path);
  } finally {
    folder.remove();
  }
}

const check = (files) => breaches(imports(files), RUST);

/** A crate with a format, which is below, and layers, which are above. */
const CRATE = {
  "src/lib.rs": "pub mod format;\npub mod layer;\n",
  "src/format/mod.rs": "pub mod tar;\n",
  "src/layer/mod.rs": "pub struct Layer;\npub mod whole;\n",
  "src/layer/whole.rs": "pub const fn whole() {}\n",
};

test("floors of Rust: the sources keep them, and each file is read", () => {
  const found = rustImports(ROOT);
  assert.deepEqual(breaches(found, RUST), []);
  const sources = globSync("src/**/*.rs", { cwd: ROOT }).filter(
    (file) => !/(^|\/)tests(\/|\.rs$)/.test(file),
  );
  assert.ok(sources.length > 250);
  assert.deepEqual([...found.keys()].sort(), sources.sort());
});

test("floors of Rust: an import that runs up is told with its line, in whatever form it is written", () => {
  const forms = [
    "use crate::layer::whole::whole;",
    "use crate::{format, layer::{whole::{self, whole as all}}};",
    "use super::super::layer::whole;",
    "pub(crate) use crate::layer::whole::*;",
    "fn f() { crate::layer::whole::whole() }",
    "impl Into<crate::layer::whole::W> for u8 {}",
    "mod inner { use super::super::super::layer::whole; }",
    "#[cfg(not(test))] use crate::layer::whole;",
  ];
  for (const form of forms) {
    const found = check({ ...CRATE, "src/format/tar.rs": `\n// crate::layer\n${form}\n` });
    const wanted = "src/format/tar.rs:3: imports src/layer/whole.rs: src/layer/ is above it, src/format/";
    assert.deepEqual(found, [wanted], form);
  }
});

test("floors of Rust: test code, comments and literals are no imports", () => {
  const text = [
    "#![forbid(unsafe_code)]",
    "/// See [`Layer`](crate::layer::Layer), and isn't it 'so'.",
    "/* use crate::layer::Layer; */",
    'const A: &str = "use crate::layer::Layer;"; const B: &[u8] = br#"crate::layer::"x"#; const C: char = \'"\';',
    "fn f<'a>(x: &'a str) -> &'a str { x }",
    "#[cfg(test)]\n#[allow(dead_code)]\nuse crate::layer::Layer;",
    '#[cfg(all(test, feature = "x"))]\nmod tests {\n  use crate::layer::Layer;\n}',
    "#[cfg(test)]\nmod made;",
  ];
  const found = imports({ ...CRATE, "src/format/tar.rs": text.join("\n") });
  assert.deepEqual(found.get("src/format/tar.rs"), []);
});

test("floors of Rust: a name is followed to the file that it is from", () => {
  const found = imports({
    "src/lib.rs": "pub mod a;\nmod b;\n",
    "src/a/mod.rs": "mod low;\nmod high;\npub use low::Low;\n",
    "src/a/low.rs": "pub struct Low;\n",
    "src/a/high.rs": "use super::Low;\n",
    "src/b.rs": "use crate::a;\nfn f(_: a::Low) {}\n",
  });
  assert.deepEqual(Object.fromEntries(found), {
    "src/lib.rs": [],
    "src/a/mod.rs": [],
    "src/a/low.rs": [],
    "src/a/high.rs": [{ line: 1, to: "src/a/low.rs" }],
    "src/b.rs": [
      { line: 1, to: "src/a/mod.rs" },
      { line: 2, to: "src/a/low.rs" },
    ],
  });
});

test("floors of Rust: circles of files are told, those of a module and its parent too", () => {
  const circle = (parent) =>
    check({
      "src/lib.rs": "pub mod layer;\n",
      "src/layer/mod.rs": parent,
      "src/layer/whole.rs": "use super::Layer;\npub struct Whole(Layer);\n",
    });
  const text = "mod whole;\npub use whole::Whole;\npub struct Layer;\n";
  assert.deepEqual(circle(text), [], "a name that is only given on is not imported");
  assert.deepEqual(circle(`${text}pub fn f(_: Whole) {}\n`), [
    "src/layer/mod.rs:2: a circle: src/layer/mod.rs:2 imports src/layer/whole.rs, src/layer/whole.rs:1 imports src/layer/mod.rs",
  ]);
});

test("floors of Rust: what is pure leaves I/O, futures and JavaScript alone", () => {
  const found = check({
    ...CRATE,
    "src/format/tar.rs":
      "use std::{fs::File, io::Read};\nuse futures_util::StreamExt;\nuse bytes::Bytes;\nfn f() { std::time::Instant::now(); }\n",
    "src/layer/whole.rs": "use std::fs::File;\nuse futures_util::StreamExt;\nuse wasm_bindgen::JsValue;\n",
    "Cargo.toml": `${MANIFEST}\n[target.'cfg(target_arch = "wasm32")'.dependencies]\nwasm-bindgen = "0.2"\n`,
  });
  assert.deepEqual(
    found.map((line) => line.split(", which")[0]),
    [
      "src/format/tar.rs:1: imports std::fs::File",
      "src/format/tar.rs:2: imports futures_util",
      "src/format/tar.rs:4: imports std::time::Instant",
      "src/layer/whole.rs:3: imports wasm_bindgen",
    ],
  );
});
