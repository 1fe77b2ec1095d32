/** Runtime for building indexes. The base package's own is in `../runtime.ts`. @module */
import {
  isLost,
  memoryHeld,
  memorySize,
  type RawHash,
  retire,
  setMemoryLimit,
} from "../../wasm/ocipeek_build.js";
import { OcipeekError } from "../errors.js";
import { Loading } from "../loading.js";
import { type Budgeted, budget, renew } from "../memory.js";
import type { SpillStore } from "../types/build.js";

/** Runtime that each entry of `ocipeek/build` sets. */
export interface BuildRuntime {
  /** Instantiates the builder's wasm module; called once, and again after a failure. */
  load(): unknown;
  /** The architecture in OCI's (Go's) spelling, where known. */
  architecture?: string | undefined;
  /** Where checkpoints go meanwhile; memory by default. */
  store?(): SpillStore;
  /** An empty SHA-256 that takes bytes by pieces, where the runtime has one: four times as fast as that in wasm. */
  sha256?(): RawHash;
}

/** Budgeted part of the wasm module: as a whole, each bundle would keep a table of it. */
const builder: Budgeted = {
  isLost,
  // Called by name: each instance has its own.
  memoryHeld: () => memoryHeld(),
  memorySize,
  retire,
  setMemoryLimit: (...options) => setMemoryLimit(...options),
};
let current: BuildRuntime | undefined;
const loading = new Loading<unknown>();

/** Makes `runtime` the one in use, if none is. */
export function setBuildRuntime(runtime: BuildRuntime): void {
  current ??= runtime;
}

/** The runtime, with the wasm module instantiated. */
export async function buildReady(): Promise<BuildRuntime> {
  if (!current) throw new OcipeekError("NOT_LOADED", 'call initBuild() of "ocipeek/build/raw" first');
  const runtime = current;
  // After a failure inside, a new instance serves.
  if (builder.isLost()) loading.forget();
  await loading.get(async () => {
    await runtime.load();
    budget(builder);
  });
  renew(builder);
  return runtime;
}
