/** The entry for Deno. JavaScript, because TypeScript does not know source phase imports yet. @module */
import { arch } from "node:process";
import source module from "../../wasm/ocipeek_bg.wasm";
import { initSync } from "../../wasm/ocipeek.js";
import { archiveFiles, folderFiles } from "../node/files.js";
import { goArchitecture, setRuntime } from "../runtime.js";

setRuntime({
  load: () => initSync({ module }),
  architecture: goArchitecture(arch),
  folder: folderFiles,
  archive: archiveFiles,
});

export * from "../index.js";
