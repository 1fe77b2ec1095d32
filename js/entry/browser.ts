/** The entry for browsers, by bundlers or as it is. @module */
import init from "../../wasm/ocipeek.js";
import { setRuntime } from "../runtime.js";
import { fetchedModule } from "../wasm-module.js";

setRuntime({
  load: fetchedModule(
    init,
    // As bundlers see it: they take the file along, and put its new address here.
    () => new URL("../../wasm/ocipeek_bg.wasm", import.meta.url),
    () => [import("../../wasm/ocipeek_inline_1.js"), import("../../wasm/ocipeek_inline_2.js")],
  ),
  builder: () => import("../build/entry/browser.js"),
  formats: () => import("../formats/entry/browser.js"),
});

export * from "../index.js";
