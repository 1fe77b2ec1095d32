import type { WasmImage } from "../../wasm/ocipeek.js";

/** Counters of the requests and bytes of an image or a source. */
export type Costs = Pick<WasmImage, "counters" | "requests">;

/** The counters as they are at the end, for when what counts is gone. */
export function lastCosts(of: Costs): Costs {
  const [counters, requests] = [of.counters(), of.requests()];
  return { counters: () => counters, requests: () => requests };
}
