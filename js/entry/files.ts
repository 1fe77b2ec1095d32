/** Functions that Node, Bun and Deno offer, wherever the wasm module comes from. @module */
import { arch, versions } from "node:process";
import { asIsFetch } from "../node/as-is-fetch.js";
import { archiveFiles, folderFiles } from "../node/files.js";
import { goArchitecture, type Runtime } from "../runtime.js";

const isDeno = versions.deno !== undefined;

/** All of a runtime but its wasm modules. */
export const files: Omit<Runtime, "load"> = {
  ...(!isDeno && { fetch: asIsFetch }),
  architecture: goArchitecture(arch),
  folder: folderFiles,
  archive: archiveFiles,
  // Bun takes all of it at once.
  streamsBodies: !isDeno && versions.bun === undefined,
};
