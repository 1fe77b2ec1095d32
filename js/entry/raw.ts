/**
 * The entry for everything else: you say where the wasm module comes from. Import it from `ocipeek/wasm`, or serve
 * that file.
 * @packageDocumentation
 */
import instantiate from "../../wasm/ocipeek.js";
import * as formatsModule from "../../wasm/ocipeek_formats.js";
import { setRuntime, type WasmSource } from "../runtime.js";

export type { WasmSource } from "../runtime.js";

/** Options of {@link init}. */
export interface InitOptions {
  /** The wasm module for images in other formats than SOCI, and for compressed archives (`ocipeek/formats/wasm`), or a function that fetches it on demand. */
  formats?: WasmSource | (() => WasmSource | Promise<WasmSource>);
}

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
export function init(source: WasmSource | Promise<WasmSource>, { formats }: InitOptions = {}): void {
  const builder = () => import("../build/index.js");
  const load = async () => instantiate({ module_or_path: await source });
  if (formats === undefined) {
    setRuntime({ load, builder });
    return;
  }
  const find =
    typeof formats === "function" ? (formats as () => WasmSource | Promise<WasmSource>) : () => formats;
  const other = async () => formatsModule.default({ module_or_path: await find() });
  setRuntime({
    load,
    builder,
    formats: async () => ({
      load: other,
      openImage: (...options) => formatsModule.openImage(...options),
      openSource: (...options) => formatsModule.openSource(...options),
      imageNames: (...options) => formatsModule.imageNames(...options),
      isLost: () => formatsModule.isLost(),
      memoryHeld: () => formatsModule.memoryHeld(),
      memorySize: () => formatsModule.memorySize(),
      retire: () => formatsModule.retire(),
      setMemoryLimit: (...options) => formatsModule.setMemoryLimit(...options),
    }),
  });
}

export * from "../index.js";
