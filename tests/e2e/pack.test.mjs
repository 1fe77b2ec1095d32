// `npm pack` gives exactly what is needed.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";

describe("npm pack", () => {
  let files;
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  before(async () => {
    const { stdout } = await run("npm", [
      "pack",
      "--json",
      "--dry-run",
      "--ignore-scripts",
      "--loglevel=error",
    ]);
    const answer = JSON.parse(stdout);
    [{ files }] = Array.isArray(answer) ? answer : Object.values(answer);
    files = files.map((f) => f.path).sort();
  });

  test("holds the built package and the texts, and nothing else", () => {
    const texts = [
      "CHANGELOG.md",
      "LICENSE-APACHE",
      "LICENSE-MIT",
      "README.md",
      "SECURITY.md",
      "package.json",
    ];
    const others = files.filter((f) => !f.startsWith("dist/"));
    assert.deepEqual(others, texts);
    // `ocipeek serve` serves the page, a bundle with files of its own.
    const isPage = (f) => f.startsWith("dist/www/");
    for (const file of files.filter((f) => !isPage(f))) {
      assert.match(file, /(\.(js|mjs|wasm|json|md)|\.d\.ts|LICENSE-\w+)$/, file);
    }
    for (const file of files.filter(isPage)) {
      assert.match(file, /(\.(js|css|html|svg|wasm|json|md)|\/_headers)$/, file);
    }
    assert.ok(files.includes("dist/www/index.html"));
    assert.deepEqual(
      files.filter((f) => f.endsWith(".wasm")),
      ["ocipeek_bg", "ocipeek_build_bg", "ocipeek_formats_bg"].map((name) => `dist/wasm/${name}.wasm`),
    );
    assert.ok(!files.some((f) => /test|fixture|\.map$/.test(f)));
  });

  test("holds every file that exports and bin name, and types for each", () => {
    const named = [];
    const collect = (node) => {
      if (typeof node === "string") named.push(node.replace(/^\.\//, ""));
      else for (const value of Object.values(node ?? {})) collect(value);
    };
    collect(manifest.exports);
    collect(manifest.bin);
    for (const path of named.filter((n) => !n.includes("*"))) assert.ok(files.includes(path), path);
    assert.ok(manifest.exports["."].types ?? existsSync(join(ROOT, "dist", "index.d.ts")));
  });

  test("needs nothing at run time", () => {
    assert.deepEqual(manifest.dependencies ?? {}, {});
  });
});
