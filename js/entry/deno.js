/** The entry for Deno. JavaScript, because TypeScript does not know source phase imports yet. @module */
import { initSync } from "../../wasm/ocipeek.js";
import source module from "../../wasm/ocipeek_bg.wasm";
import { setRuntime } from "../runtime.js";
import { files } from "./files.js";

setRuntime({
  ...files,
  load: () => initSync({ module }),
  builder: () => import("../build/entry/deno.js"),
  formats: () => import("../formats/entry/deno.js"),
});

export * from "../index.js";
