/** What differs between runtimes for building indexes. The base package's own is in `../runtime.ts`. @module */
import type { SpillStore } from "./types.js";

/** What each entry of `ocipeek/build` sets. */
export interface BuildRuntime {
  /** Instantiates the builder's wasm module; called once, and again after a failure. */
  load(): unknown;
  /** The architecture in OCI's (Go's) spelling, where known. */
  architecture?: string | undefined;
  /** Where checkpoints go meanwhile; memory by default. */
  store?(): SpillStore;
}

let current: BuildRuntime | undefined;
let loaded: Promise<unknown> | undefined;

/** Makes `runtime` the one in use, if none is. */
export function setBuildRuntime(runtime: BuildRuntime): void {
  current ??= runtime;
}

/** The runtime, with the wasm module instantiated. */
export async function buildReady(): Promise<BuildRuntime> {
  if (!current) throw new Error("call initBuild() of ocipeek/build/raw first");
  loaded ??= Promise.resolve(current.load());
  try {
    await loaded;
  } catch (error) {
    loaded = undefined;
    throw error;
  }
  return current;
}
