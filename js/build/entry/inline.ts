/**
 * `ocipeek/build` for places without files: the wasm module is a part of this one.
 * @packageDocumentation
 */
import init from "../../../wasm/ocipeek_build.js";
import first from "../../../wasm/ocipeek_build_inline_1.js";
import second from "../../../wasm/ocipeek_build_inline_2.js";
import { inlineModule } from "../../wasm-module.js";
import { setBuildRuntime } from "../runtime.js";

setBuildRuntime({ load: inlineModule(init, [first, second]) });

export * from "../index.js";
