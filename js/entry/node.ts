/** The entry for Node and Bun. @module */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { initSync } from "../../wasm/ocipeek.js";
import { setRuntime } from "../runtime.js";
import { fileModule } from "../wasm-module.js";
import { files } from "./files.js";

setRuntime({
  ...files,
  load: fileModule(
    initSync,
    // By its path: a bundler's URL may be of another kind.
    () => readFileSync(fileURLToPath(new URL("../../wasm/ocipeek_bg.wasm", import.meta.url).href)),
    () => [import("../../wasm/ocipeek_inline_1.js"), import("../../wasm/ocipeek_inline_2.js")],
    gunzipSync,
  ),
  builder: () => import("../build/entry/node.js"),
  formats: () => import("../formats/entry/node.js"),
});

export * from "../index.js";
