/**
 * The entry for everything else: you say where the wasm module comes from. Import it from `ocipeek/wasm`, or serve
 * that file.
 * @packageDocumentation
 */
import instantiate from "../../wasm/ocipeek.js";
import { setRuntime } from "../runtime.js";

/** A compiled `WebAssembly.Module`, its bytes, its URL, or a `Response` with it. */
export type WasmSource = object | string;

/** Says where the wasm module is. It is instantiated by the first `open`. Call it once, before that. */
export function init(source: WasmSource | Promise<WasmSource>): void {
  setRuntime({ load: async () => instantiate({ module_or_path: await source }) });
}

export * from "../index.js";
