// How `npm test` chooses: what a test needs installed, whether it must be built, and what runs beside what.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { isBuilt, isWasmBuilt, noteBuilt, sources } from "../../scripts/lib/build-stamp.mjs";
import { programsOf } from "../../scripts/lib/program-needs.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";
import { RUST, WASM_BINDGEN } from "../../scripts/lib/tools.mjs";
import { inLanes } from "../../scripts/test/lanes.mjs";
import { steps } from "../../scripts/test/steps.mjs";
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

test("the tools' versions are those that the crate is pinned to", () => {
  const manifest = readFileSync(join(ROOT, "Cargo.toml"), "utf8");
  assert.match(WASM_BINDGEN, /^\d+\.\d+\.\d+$/);
  assert.ok(manifest.includes(`"=${WASM_BINDGEN}"`), WASM_BINDGEN);
  assert.match(RUST, /^\d+\.\d+\.\d+$/);
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

describe("steps side by side", () => {
  /**
   * Runs steps that end one after the other, the one that began first at first; tells what ran each time that one ended.
   * @param {import("../../scripts/test/lanes.mjs").Placed[]} list
   */
  async function ran(list, { lanes = 2, failing = [""] } = {}) {
    /** @type {string[]} */
    const log = [];
    const running = new Map();
    const work = ({ name }) => new Promise((resolve) => running.set(name, resolve));
    const whole = inLanes(list, lanes, { work, skip: ({ name }) => log.push(`skip ${name}`) });
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const [first] = running.keys();
      if (!first) break;
      log.push([...running.keys()].join(" "));
      running.get(first)(!failing.includes(first));
      running.delete(first);
    }
    await whole;
    return log;
  }

  test("run in their order, so many at once", async () => {
    const list = ["a", "b", "c"].map((name) => ({ name }));
    assert.deepEqual(await ran(list), ["a b", "b c", "c"]);
    assert.deepEqual(await ran(list, { lanes: 1 }), ["a", "b", "c"]);
    assert.deepEqual(await ran([]), []);
  });

  test("that need another begin when it has passed, wherever they stand; those of one that failed never do", async () => {
    const list = [
      { name: "late", needs: "test" },
      { name: "test", needs: "build" },
      { name: "build" },
      { name: "lint" },
      { name: "free", needs: "elsewhere" },
    ];
    assert.deepEqual(await ran(list), ["build lint", "lint test", "test free", "free late", "late"]);
    assert.deepEqual(await ran(list, { failing: ["build"] }), [
      "build lint",
      "skip test",
      "skip late",
      "lint free",
      "free",
    ]);
  });

  test("that use the same do not meet", async () => {
    const list = [
      { name: "a", uses: "x" },
      { name: "b", uses: "x" },
      { name: "c", uses: "y" },
      { name: "d" },
    ];
    assert.deepEqual(await ran(list), ["a c", "c b", "b d", "d"]);
  });

  test("that are judged by time or memory have no neighbour, and come last", async () => {
    const list = [{ name: "a", alone: true }, { name: "b" }, { name: "c", alone: true }, { name: "d" }];
    assert.deepEqual(await ran(list), ["b d", "d", "a", "c"]);
    const first = [
      { name: "a", alone: true },
      { name: "b", needs: "a" },
    ];
    assert.deepEqual(await ran(first), ["a", "b"]);
  });

  test("that need each other are told", async () => {
    const circle = [
      { name: "a", needs: "b" },
      { name: "b", needs: "a" },
    ];
    const never = { work: () => assert.fail("it began"), skip: () => assert.fail("it was skipped") };
    await assert.rejects(inLanes(circle, 2, never), /these need each other: a, b/);
  });

  test("of the project: what cargo locks is named, and what measures a process is alone", () => {
    const all = steps();
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    for (const { name, uses, command } of all) if (command[0] === "cargo") assert.ok(uses, name);
    const alone = all.filter((it) => it.alone).flatMap((it) => it.files ?? []);
    const measuring = all
      .flatMap((it) => (it.name.startsWith("e2e ") ? (it.files ?? []) : []))
      .filter((file) => /resetPeak|performance\.now|wrk\b/.test(readFileSync(join(ROOT, file), "utf8")));
    assert.ok(measuring.length > 4, `${measuring.length} files`);
    for (const file of measuring) assert.ok(alone.includes(file), file);
  });
});
