/** The reader of the other lazy formats for browsers, by bundlers or as it is. @module */
import init from "../../../wasm/ocipeek_formats.js";
import { fetchedModule } from "../../wasm-module.js";

/** Instantiates it. */
export const load = fetchedModule(
  init,
  () => new URL("../../../wasm/ocipeek_formats_bg.wasm", import.meta.url),
  () => [
    import("../../../wasm/ocipeek_formats_inline_1.js"),
    import("../../../wasm/ocipeek_formats_inline_2.js"),
  ],
);

export * from "../module.js";
