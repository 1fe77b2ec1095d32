/** `ocipeek/build` for Deno. JavaScript, because TypeScript does not know source phase imports yet. @module */
import { initSync } from "../../../wasm/ocipeek_build.js";
import source module from "../../../wasm/ocipeek_build_bg.wasm";
import { setBuildRuntime } from "../runtime.js";
import { files } from "./files.js";

setBuildRuntime({ ...files, load: () => initSync({ module }) });

export * from "../index.js";
