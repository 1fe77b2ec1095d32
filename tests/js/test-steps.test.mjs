// How `npm test` chooses: what a test needs installed, and whether it must be built.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { isBuilt, isWasmBuilt, noteBuilt, sources } from "../../scripts/lib/build-stamp.mjs";
import { programsOf } from "../../scripts/lib/program-needs.mjs";
import { tempFolder } from "../lib/processes.mjs";

const packages = (file) =>
  programsOf([file])
    .map((program) => program.debian)
    .sort();

test("a test needs the programs that it or its helpers look for", () => {
  assert.deepEqual(packages("tests/js/tar.test.mjs"), []);
  assert.deepEqual(packages("tests/e2e/worker-load.test.mjs"), ["nginx-light", "wrk"]);
  // By imports as they run, and by those in a call.
  assert.ok(packages("tests/e2e/archives.test.mjs").includes("skopeo"));
  assert.deepEqual(packages("tests/e2e/auth.test.mjs"), ["docker-registry"]);
});

test("what is built is known by the contents of the sources", () => {
  const folder = tempFolder("stamp");
  const root = folder.path;
  const write = (file, text) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  try {
    for (const file of ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "scripts/build.mjs"])
      write(file, "");
    for (const file of ["package.json", "package-lock.json", "tsconfig.json", "worker/tsconfig.json"])
      write(file, "");
    for (const folder of ["scripts/lib", "inflate", "src", "cli", "js", "wasm", "web", "worker/src", "www"])
      write(`${folder}/a`, "");
    write("node_modules/a", "");
    assert.equal(isBuilt(root), false);
    noteBuilt(sources(false, root), root);
    assert.equal(isBuilt(root), false, "nothing is in dist");
    write("dist/js/index.js", "");
    assert.ok(isBuilt(root) && isWasmBuilt(false, root));
    assert.equal(isWasmBuilt(true, root), false, "compiled in another way");
    write("www/node_modules/a", "changed");
    assert.ok(isBuilt(root), "what is installed does not count");
    write("js/a", "changed");
    assert.ok(!isBuilt(root) && isWasmBuilt(false, root));
    write("src/a", "changed");
    assert.equal(isWasmBuilt(false, root), false);
    noteBuilt(sources(false, root), root);
    assert.ok(isBuilt(root) && isWasmBuilt(false, root));
    noteBuilt(undefined, root);
    assert.ok(!isBuilt(root) && !isWasmBuilt(false, root), "a build that was begun");
  } finally {
    folder.remove();
  }
});
