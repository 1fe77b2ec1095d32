/** The reader of the other lazy formats for places without files. @module */
import init from "../../../wasm/ocipeek_formats.js";
import first from "../../../wasm/ocipeek_formats_inline_1.js";
import second from "../../../wasm/ocipeek_formats_inline_2.js";
import { inlineModule } from "../../wasm-module.js";

/** Instantiates it. */
export const load = inlineModule(init, [first, second]);

export * from "../module.js";
