/** The reader of the other lazy formats for browsers, by bundlers or as it is. @module */
import init from "../../../wasm/ocipeek_formats.js";

/** Instantiates it. The module lies beside its glue, which bundlers see there. */
export async function load(): Promise<void> {
  await init();
}

export * from "../module.js";
