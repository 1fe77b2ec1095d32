/** `ocipeek/build` for Node and Bun. @module */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { initSync } from "../../../wasm/ocipeek_build.js";
import { fileModule } from "../../wasm-module.js";
import { setBuildRuntime } from "../runtime.js";
import { files } from "./files.js";

setBuildRuntime({
  ...files,
  load: fileModule(
    initSync,
    () => readFileSync(fileURLToPath(new URL("../../../wasm/ocipeek_build_bg.wasm", import.meta.url).href)),
    () => [
      import("../../../wasm/ocipeek_build_inline_1.js"),
      import("../../../wasm/ocipeek_build_inline_2.js"),
    ],
    gunzipSync,
  ),
});

export * from "../index.js";
