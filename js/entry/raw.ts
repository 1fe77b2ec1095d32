/**
 * The entry for everything else: you say where the wasm module comes from. Import it from `ocipeek/wasm`, or serve
 * that file.
 * @packageDocumentation
 */
import type { WasmSource } from "../runtime.js";
import { type InitOptions, initWith } from "./given.js";

export type { WasmSource } from "../runtime.js";
export type { InitOptions } from "./given.js";

/**
 * Says where the wasm module is. It is instantiated by the first `open`. Call it once, before that.
 *
 * @example
 * ```js
 * import { readFile } from "node:fs/promises";
 * import { init, open } from "ocipeek/raw";
 *
 * init(readFile(new URL(import.meta.resolve("ocipeek/wasm"))));
 * const image = await open("ghcr.io/owner/app:1");
 * console.log(image.layers.length); // 6
 * ```
 */
export function init(source: WasmSource | Promise<WasmSource>, options: InitOptions = {}): void {
  initWith({}, source, options);
}

export * from "../index.js";
