/** The entry for Deno. JavaScript, because TypeScript does not know source phase imports yet. @module */
import { arch } from "node:process";
import { initSync } from "../../wasm/ocipeek.js";
import source module from "../../wasm/ocipeek_bg.wasm";
import { archiveFiles, folderFiles } from "../node/files.js";
import { goArchitecture, setRuntime } from "../runtime.js";

setRuntime({
  load: () => initSync({ module }),
  architecture: goArchitecture(arch),
  folder: folderFiles,
  archive: archiveFiles,
  builder: () => import("../build/entry/deno.js"),
  formats: () => import("../formats/entry/deno.js"),
});

export * from "../index.js";
