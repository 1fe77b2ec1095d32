/** The reader of the other lazy formats for Node and Bun. @module */
import { readFileSync } from "node:fs";
import { initSync } from "../../../wasm/ocipeek_formats.js";

/** Instantiates it. */
export function load(): void {
  initSync({ module: readFileSync(new URL("../../../wasm/ocipeek_formats_bg.wasm", import.meta.url)) });
}

export * from "../module.js";
