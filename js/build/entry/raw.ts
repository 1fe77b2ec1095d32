/**
 * `ocipeek/build` for everything else: you say where its wasm module comes from. Import it from `ocipeek/build/wasm`,
 * or serve that file.
 * @packageDocumentation
 */
import instantiate from "../../../wasm/ocipeek_build.js";
import type { WasmSource } from "../../runtime.js";
import { setBuildRuntime } from "../runtime.js";

/** Says where the builder's wasm module is. It is instantiated when it is first needed. Call it once, before that. */
export function initBuild(source: WasmSource | Promise<WasmSource>): void {
  setBuildRuntime({ load: async () => instantiate({ module_or_path: await source }) });
}

export * from "../index.js";
