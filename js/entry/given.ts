/** A wasm module that the caller gives. @module */
import instantiate from "../../wasm/ocipeek.js";
import * as formatsModule from "../../wasm/ocipeek_formats.js";
import { type Runtime, setRuntime, type WasmSource } from "../runtime.js";
import { givenModule } from "../wasm-module.js";

/** Options of {@link init}. */
export interface InitOptions {
  /** The wasm module for images in other formats than SOCI, and for compressed archives (`ocipeek/formats/wasm`), or a function that fetches it on demand. */
  formats?: WasmSource | (() => WasmSource | Promise<WasmSource>);
}

/** Makes a runtime of the given modules, and of what the place offers. */
export function initWith(
  place: Omit<Runtime, "load">,
  source: WasmSource | Promise<WasmSource>,
  { formats }: InitOptions,
): void {
  const builder = () => import("../build/index.js");
  const load = givenModule(instantiate, () => source);
  if (formats === undefined) {
    setRuntime({ ...place, load, builder });
    return;
  }
  const find =
    typeof formats === "function" ? (formats as () => WasmSource | Promise<WasmSource>) : () => formats;
  const other = givenModule(formatsModule.default, find);
  setRuntime({
    ...place,
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
