/** `ocipeek/inline` for Node, Bun and Deno, with what these offer. @module */
import init from "../../wasm/ocipeek.js";
import first from "../../wasm/ocipeek_inline_1.js";
import second from "../../wasm/ocipeek_inline_2.js";
import { setRuntime } from "../runtime.js";
import { inlineModule } from "../wasm-module.js";
import { files } from "./files.js";

setRuntime({
  ...files,
  load: inlineModule(init, [first, second]),
  builder: () => import("../build/entry/inline-node.js"),
  formats: () => import("../formats/entry/inline.js"),
});

export * from "../index.js";
