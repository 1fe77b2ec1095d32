/** `ocipeek/build` for browsers, by bundlers or as it is. @module */
import init from "../../../wasm/ocipeek_build.js";
import { fetchedModule } from "../../wasm-module.js";
import { setBuildRuntime } from "../runtime.js";

setBuildRuntime({
  load: fetchedModule(
    init,
    () => new URL("../../../wasm/ocipeek_build_bg.wasm", import.meta.url),
    () => [
      import("../../../wasm/ocipeek_build_inline_1.js"),
      import("../../../wasm/ocipeek_build_inline_2.js"),
    ],
  ),
});

export * from "../index.js";
