/**
 * The entry for places without files: the wasm module is a part of this one.
 * @packageDocumentation
 */
import init from "../../wasm/ocipeek.js";
import first from "../../wasm/ocipeek_inline_1.js";
import second from "../../wasm/ocipeek_inline_2.js";
import { setRuntime } from "../runtime.js";
import { inlineModule } from "../wasm-module.js";

setRuntime({
  load: inlineModule(init, [first, second]),
  builder: () => import("../build/entry/inline.js"),
  formats: () => import("../formats/entry/inline.js"),
});

export * from "../index.js";
