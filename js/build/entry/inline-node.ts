/** `ocipeek/build/inline` for Node, Bun and Deno, with what these offer. @module */
import init from "../../../wasm/ocipeek_build.js";
import first from "../../../wasm/ocipeek_build_inline_1.js";
import second from "../../../wasm/ocipeek_build_inline_2.js";
import { inlineModule } from "../../wasm-module.js";
import { setBuildRuntime } from "../runtime.js";
import { files } from "./files.js";

setBuildRuntime({ ...files, load: inlineModule(init, [first, second]) });

export * from "../index.js";
