// The check of floors finds what it is for: an import that runs up, across, into what is barred, or in a circle.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { breaches, TYPESCRIPT } from "../../scripts/lib/floors.mjs";
import { importsOf, typescriptImports } from "../../scripts/lib/floors-typescript.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";
import { tempFolder } from "../lib/processes.mjs";

/** What the check says of a tree of such files. */
function check(files) {
  const folder = tempFolder("floors");
  try {
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder.path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return breaches(typescriptImports(folder.path), TYPESCRIPT);
  } finally {
    folder.remove();
  }
}

test("floors: the sources keep them", () => {
  const imports = typescriptImports(ROOT);
  assert.ok(imports.size > 400);
  assert.deepEqual(breaches(imports, TYPESCRIPT), []);
});

test("floors: an import that runs up is told with its line, in whatever form it is written", () => {
  const forms = [
    'import { open } from "../image/open.js";',
    'import type { open } from "../image/open.js";',
    'export * from "../image/open.js";',
    'import "../image/open.js";',
    'const later = () => import("../image/open.js");',
    'export type Open = typeof import("../image/open.js");',
  ];
  for (const form of forms) {
    const found = check({
      "js/image/open.ts": "export const open = 1;\n",
      "js/types/open.ts": `\n\n${form}\n`,
    });
    const wanted = "js/types/open.ts:3: imports js/image/open.ts: js/image/ is above it, js/types/";
    assert.deepEqual(found, [wanted], form);
  }
});

test("floors: rooms of one floor do not see each other", () => {
  const found = check({
    "worker/src/proxy/proxy.ts": 'import {\n  type File,\n} from "../answers/file.ts";\n',
    "worker/src/answers/file.ts": "export type File = 1;\n",
  });
  assert.equal(found.length, 1);
  assert.match(found[0] ?? "", /^worker\/src\/proxy\/proxy\.ts:3: imports .*on its own floor/);
});

test("floors: a circle is told with each of its lines, of types too", () => {
  const found = check({
    "js/image/a.ts": 'import { b } from "./b.js";\nexport type A = 1;\n',
    "js/image/b.ts": '// one\nexport const b: import("./c.js").C = 1;\n',
    "js/image/c.ts": 'import type { A } from "./a.js";\nexport type C = A;\n',
  });
  assert.deepEqual(found, [
    "js/image/a.ts:1: a circle: js/image/a.ts:1 imports js/image/b.ts, js/image/b.ts:2 imports js/image/c.ts, js/image/c.ts:1 imports js/image/a.ts",
  ]);
});

test("floors: worker and page use the package by its name, and not each other; the package needs no Node", () => {
  const found = check({
    "worker/src/handler.ts":
      'import { open } from "../../js/image/open.js";\nimport "../../www/src/protocol/api.ts";\n',
    "www/src/page/engine.ts": 'import "../../../worker/src/errors.ts";\nimport "../engine/engine.ts";\n',
    "www/src/engine/engine.ts": 'import { open } from "ocipeek";\n',
    "www/src/protocol/api.ts": "",
    "worker/src/errors.ts": "",
    "js/image/open.ts": 'import "node:fs";\nexport const open = 1;\n',
    "js/node/files.ts": 'import "node:fs";\n',
  });
  assert.deepEqual(
    found.map((line) => line.split(", which")[0]).sort(),
    [
      "js/image/open.ts:1: imports node:fs",
      "worker/src/handler.ts:1: imports js/image/open.ts",
      "worker/src/handler.ts:2: imports www/src/protocol/api.ts",
      "www/src/page/engine.ts:1: imports worker/src/errors.ts",
      "www/src/page/engine.ts:2: imports www/src/engine/engine.ts",
    ].sort(),
  );
});

test("floors: what stands nowhere is told", () => {
  assert.match(
    breaches(new Map([["attic/a.ts", []]]), TYPESCRIPT).join(),
    /^attic\/a\.ts:1: it stands on no floor/,
  );
});

test("floors: comments and strings are no imports", () => {
  const text = [
    '// import { a } from "./a.js";',
    '/* import "./b.js"; */ const url = "https://example.org"; // import("./c.js")',
    'const text = `import "./e.js"`;',
    'import { d } from "./d.js";',
  ].join("\n");
  assert.deepEqual(importsOf(text), [{ line: 4, specifier: "./d.js" }]);
});
