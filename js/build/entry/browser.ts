/** `ocipeek/build` for browsers, by bundlers or as it is. @module */
import init from "../../../wasm/ocipeek_build.js";
import { setBuildRuntime } from "../runtime.js";

// The module lies beside its glue, which bundlers see there.
setBuildRuntime({ load: () => init() });

export * from "../index.js";
