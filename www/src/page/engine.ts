/** The engine, as the page calls it. @module */
import type { EngineApi } from "../protocol/api.ts";
import { connect, type Remote } from "../protocol/rpc.ts";

const worker = new Worker(new URL("../engine/worker.ts", import.meta.url), {
  type: "module",
  name: "ocipeek",
});

/** Calls the engine. `await engine.read([file, 0, 100], { signal, onProgress })`. */
export const engine: Remote<EngineApi> = connect<EngineApi>(worker);
