/** Functions that Node, Bun and Deno offer for building, wherever the wasm module comes from. @module */
import { createHash } from "node:crypto";
import { arch } from "node:process";
import { spillFile } from "../../node/spill-file.js";
import { goArchitecture } from "../../runtime.js";
import type { BuildRuntime } from "../runtime.js";

/** All of a runtime but its wasm module. */
export const files: Omit<BuildRuntime, "load"> = {
  architecture: goArchitecture(arch),
  store: spillFile,
  sha256: () => createHash("sha256"),
};
