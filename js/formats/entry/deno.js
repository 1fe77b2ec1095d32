/** The reader of the other lazy formats for Deno. JavaScript, because TypeScript does not know source phase imports yet. @module */
import { initSync } from "../../../wasm/ocipeek_formats.js";
import source module from "../../../wasm/ocipeek_formats_bg.wasm";

/** Instantiates it. */
export function load() {
  initSync({ module });
}

export * from "../module.js";
