/** The reader of the other lazy formats for Node and Bun. @module */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { initSync } from "../../../wasm/ocipeek_formats.js";
import { fileModule } from "../../wasm-module.js";

/** Instantiates it. */
export const load = fileModule(
  initSync,
  () => readFileSync(fileURLToPath(new URL("../../../wasm/ocipeek_formats_bg.wasm", import.meta.url).href)),
  () => [
    import("../../../wasm/ocipeek_formats_inline_1.js"),
    import("../../../wasm/ocipeek_formats_inline_2.js"),
  ],
  gunzipSync,
);

export * from "../module.js";
