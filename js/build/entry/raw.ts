/**
 * `ocipeek/build` for everything else: you say where its wasm module comes from. Import it from `ocipeek/build/wasm`,
 * or serve that file.
 * @packageDocumentation
 */
import instantiate from "../../../wasm/ocipeek_build.js";
import type { WasmSource } from "../../runtime.js";
import { givenModule } from "../../wasm-module.js";
import { setBuildRuntime } from "../runtime.js";

/**
 * Says where the builder's wasm module is. It is instantiated when it is first needed. Call it once, before that.
 *
 * @example
 * ```js
 * import { createReadStream } from "node:fs";
 * import { readFile } from "node:fs/promises";
 * import { buildZtoc, initBuild } from "ocipeek/build/raw";
 *
 * initBuild(readFile(new URL(import.meta.resolve("ocipeek/build/wasm"))));
 * const ztoc = await buildZtoc(createReadStream("layer.tar.gz"));
 * await ztoc.close();
 * ```
 */
export function initBuild(source: WasmSource | Promise<WasmSource>): void {
  setBuildRuntime({ load: givenModule(instantiate, () => source) });
}

export * from "../index.js";
