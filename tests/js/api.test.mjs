// What the snapshots of the public API take from declarations and from rustdoc's pages.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { crateApi } from "../../scripts/lib/crate-api.mjs";
import { PackageApi } from "../../scripts/lib/package-api.mjs";
import { tempFolder } from "../lib/processes.mjs";

/** @type {(files: Record<string, string>, use: (root: string) => void) => void} */
function withFiles(files, use) {
  const folder = tempFolder("api");
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder.path, file)), { recursive: true });
      writeFileSync(join(folder.path, file), text);
    }
    use(folder.path);
  } finally {
    folder.remove();
  }
}

test("of the package: names through each kind of export, and what they declare without comments", () => {
  const files = {
    "index.d.ts": `/** The front. */
export { type Shape, make as create } from "./a.js";
export type * from "./b/c.js";
import type { Hidden } from "./b/c.js";
export type { Hidden as Seen };
`,
    "a.d.ts": `/** Doc. */
export interface Shape {
    /** A field. */
    size: number;
}
export declare function make(it: string): Shape;
export declare function make(it: number): Shape;
export declare class Unseen {
}
`,
    "b/c.d.ts": `export declare class C {
    #private;
    private constructor();
    run(): void;
}
export interface Hidden {
    deep: true;
}
`,
  };
  withFiles(files, (root) => {
    const text = new PackageApi(root).text({ front: "index.d.ts" });
    assert.equal(
      text,
      `front
    C
    Hidden
    Seen
    Shape
    create

class C {
    run(): void;
}

interface Hidden {
    deep: true;
}

interface Shape {
    size: number;
}

function make(it: string): Shape;
function make(it: number): Shape;
`,
    );
  });
});

test("of the crate: the items that are shown, their declarations and methods, no traits' implementations", () => {
  const page = `<pre class="rust item-decl"><code>pub struct <a href="#">S</a>&lt;T&gt; { <span>/* private */</span> }</code></pre>
<h2 id="implementations" class="x">Implementations</h2>
<section id="method.go" class="method"><a class="src" href="#">Source</a><h4 class="code-header">pub fn <a href="#">go</a>(
    &amp;self,
)</h4></section>
<h2 id="trait-implementations" class="x">Traits</h2>
<section id="method.fmt" class="method"><h4 class="code-header">fn fmt()</h4></section>`;
  const files = {
    "all.html": '<ul><li><a href="m/struct.S.html">m::S</a></li></ul>',
    "m/struct.S.html": page,
  };
  withFiles(files, (root) => {
    assert.equal(
      crateApi(root),
      "1 items\n\n# m::S\npub struct S<T> { /* private */ }\n    pub fn go( &self, )\n",
    );
  });
});
