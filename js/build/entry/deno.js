/** `ocipeek/build` for Deno. JavaScript, because TypeScript does not know source phase imports yet. @module */
import { createHash } from "node:crypto";
import { arch } from "node:process";
import { initSync } from "../../../wasm/ocipeek_build.js";
import source module from "../../../wasm/ocipeek_build_bg.wasm";
import { spillFile } from "../../node/spill-file.js";
import { goArchitecture } from "../../runtime.js";
import { setBuildRuntime } from "../runtime.js";

setBuildRuntime({
  load: () => initSync({ module }),
  architecture: goArchitecture(arch),
  store: spillFile,
  sha256: () => createHash("sha256"),
});

export * from "../index.js";
