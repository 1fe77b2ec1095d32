/** The entry for browsers, by bundlers or as it is. @module */
import init from "../../wasm/ocipeek.js";
import { setRuntime } from "../runtime.js";

// The module lies beside its glue, which bundlers see there.
setRuntime({
  load: () => init(),
  builder: () => import("../build/entry/browser.js"),
  formats: () => import("../formats/entry/browser.js"),
});

export * from "../index.js";
