/** The entry for Cloudflare Workers: a worker may not compile wasm, so the module is imported. @module */

import { initSync } from "../../wasm/ocipeek.js";
import module from "../../wasm/ocipeek_bg.wasm";
import { setRuntime } from "../runtime.js";

setRuntime({
  load: () => initSync({ module }),
  builder: () => import("../build/entry/workerd.js"),
  formats: () => import("../formats/entry/workerd.js"),
  isIsolated: true,
});

export * from "../index.js";
