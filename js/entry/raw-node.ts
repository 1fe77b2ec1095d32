/** `ocipeek/raw` for Node, Bun and Deno, with what these offer. @module */
import type { WasmSource } from "../runtime.js";
import { files } from "./files.js";
import { type InitOptions, initWith } from "./given.js";

/** As that of `ocipeek/raw`. */
export function init(source: WasmSource | Promise<WasmSource>, options: InitOptions = {}): void {
  initWith(files, source, options);
}

export * from "../index.js";
