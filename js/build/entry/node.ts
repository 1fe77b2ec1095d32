/** `ocipeek/build` for Node and Bun. @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch } from "node:process";
import { initSync } from "../../../wasm/ocipeek_build.js";
import { spillFile } from "../../node/spill-file.js";
import { goArchitecture } from "../../runtime.js";
import { setBuildRuntime } from "../runtime.js";

const file = new URL("../../../wasm/ocipeek_build_bg.wasm", import.meta.url);
setBuildRuntime({
  load: () => initSync({ module: readFileSync(file) }),
  architecture: goArchitecture(arch),
  store: spillFile,
  sha256: () => createHash("sha256"),
});

export * from "../index.js";
