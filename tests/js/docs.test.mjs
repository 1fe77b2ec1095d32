// What the texts say is there, is there.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/lib/run.mjs";

const text = (file) => readFileSync(join(ROOT, file), "utf8");
const TEXTS = ["", "docs/", "tests/", "worker/"].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}${name}`),
);

test("every fault has the tests that the table names", () => {
  const rows = text("tests/README.md")
    .split("\n")
    .filter((line) => /^\| (?!fault)/.test(line));
  assert.ok(rows.length >= 20, `${rows.length} rows`);
  for (const row of rows) {
    let code = "";
    let names = 0;
    for (const [, name] of row.split("|")[2].matchAll(/`([^`]+)`/g)) {
      if (/\.(rs|mjs|ts)$/.test(name)) code = text(name);
      // A function, a test's whole name, or how one begins or goes on.
      else {
        const forms = [`fn ${name}(`, `"${name}"`, `${name} `];
        assert.ok(
          forms.some((form) => code.includes(form)),
          `${name}: ${row}`,
        );
      }
      names += 1;
    }
    assert.ok(names > 1, row);
  }
});

test("every forged input has the test that docs/trust.md names", () => {
  const [, table] = text("docs/trust.md").split("## Forged inputs");
  const rows = table.split("\n").filter((line) => /^\| (?!forged)/.test(line));
  assert.ok(rows.length >= 20, `${rows.length}`);
  for (const row of rows) {
    let code = text("tests/forged.rs");
    let names = 0;
    for (const [, name] of row
      .split("|")
      .at(-2)
      .matchAll(/`([^`]+)`/g)) {
      if (/\.(rs|mjs)$/.test(name)) {
        code = text(name);
        continue;
      }
      // `a file's …` is each that begins so.
      const [start] = name.split("…");
      assert.ok(code.includes(`fn ${name}(`) || code.includes(`"${start}`), `${name}: ${row}`);
      names += 1;
    }
    assert.ok(names > 0, row);
  }
});

const HOME = /^https:\/\/github\.com\/ocipeek\/ocipeek\/(?:blob|tree|raw)\/main\//;

test("links between the texts lead somewhere", () => {
  for (const file of TEXTS) {
    for (const [, link] of text(file).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      const path = HOME.test(link)
        ? link.replace(HOME, "")
        : /^https?:/.test(link)
          ? ""
          : join(dirname(file), link);
      assert.ok(existsSync(join(ROOT, path)), `${file}: ${link}`);
    }
  }
});

test("the README's links lead somewhere from the pages of registries too, which show it alone", () => {
  const relative = [...text("README.md").matchAll(/\]\((?!https:)([^)]+)\)/g)].map(([, link]) => link);
  assert.deepEqual(relative, []);
});

test("each path that docs/ARCHITECTURE.md names is there, and it names each folder of the crate and the package", () => {
  const architecture = text("docs/ARCHITECTURE.md");
  const paths = [
    ...architecture.matchAll(/(?<![\w/.])(?:src|js|cli|web|wasm|worker|www|tests|scripts)\/[\w./-]*/g),
  ];
  assert.ok(paths.length > 70, `${paths.length} paths`);
  for (const [path] of paths) assert.ok(existsSync(join(ROOT, path)), path);
  for (const floor of ["src", "js"]) {
    for (const entry of readdirSync(join(ROOT, floor), { withFileTypes: true })) {
      if (entry.isDirectory())
        assert.ok(architecture.includes(`${floor}/${entry.name}/`), `${floor}/${entry.name}/`);
    }
  }
});

test("the README states the budget of the .wasm", () => {
  const [, budget] = /\bocipeek: ([0-9_]+)/.exec(text("tests/e2e/size.test.mjs")) ?? [];
  const [, stated] = /at most ([0-9]+) kB \(brotli\)/.exec(text("README.md")) ?? [];
  assert.equal(Number(stated) * 1000, Number(budget.replaceAll("_", "")));
});
