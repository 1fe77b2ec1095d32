/** `ocipeek/build` for Cloudflare Workers: a worker may not compile wasm, so the module is imported. @module */
import { initSync } from "../../../wasm/ocipeek_build.js";
import module from "../../../wasm/ocipeek_build_bg.wasm";
import { setBuildRuntime } from "../runtime.js";

setBuildRuntime({ load: () => initSync({ module }) });

export * from "../index.js";
