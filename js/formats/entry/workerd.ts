/** The reader of the other lazy formats for Cloudflare Workers: a worker may not compile wasm, so it is imported. @module */
import { initSync } from "../../../wasm/ocipeek_formats.js";
import module from "../../../wasm/ocipeek_formats_bg.wasm";

/** Instantiates it. */
export function load(): void {
  initSync({ module });
}

export * from "../module.js";
