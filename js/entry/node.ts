/** The entry for Node and Bun. @module */
import { readFileSync } from "node:fs";
import process, { arch } from "node:process";
import { initSync } from "../../wasm/ocipeek.js";
import { asIsFetch } from "../node/as-is-fetch.js";
import { archiveFiles, folderFiles } from "../node/files.js";
import { goArchitecture, setRuntime } from "../runtime.js";

setRuntime({
  load: () => initSync({ module: readFileSync(new URL("../../wasm/ocipeek_bg.wasm", import.meta.url)) }),
  fetch: asIsFetch,
  architecture: goArchitecture(arch),
  folder: folderFiles,
  archive: archiveFiles,
  // Bun takes all of it at once.
  streamsBodies: process.versions.bun === undefined,
  builder: () => import("../build/entry/node.js"),
  formats: () => import("../formats/entry/node.js"),
});

export * from "../index.js";
