import type { Spent, WasmImage } from "../../wasm/ocipeek.js";

/** Counters of the requests and bytes of an image or a source. */
export type Costs = Pick<WasmImage, "counters" | "requests">;

/** The counters as they are at the end, for when what counts is gone. */
export function lastCosts(of: Costs): Costs {
  const [counters, requests] = [of.counters(), of.requests()];
  return { counters: () => counters, requests: () => requests };
}

/** Counters that go on from what was spent before. */
export function costsAfter(spent: Spent, of: Costs): Costs {
  return {
    counters() {
      const sum = of.counters();
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += spent.counters[key];
      return sum;
    },
    requests: () => [...spent.requests, ...of.requests()],
  };
}
