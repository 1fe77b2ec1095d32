/** Work that a button starts. @module */
import { useState } from "preact/hooks";
import { asEngineError } from "../../page/session.ts";
import type { EngineError } from "../../protocol/api.ts";

/** Starts `work`, whether it runs, and why it failed last: that somebody stopped it is no failure. */
export function useAction(work: () => Promise<unknown>) {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<EngineError>();
  const run = async (): Promise<void> => {
    setRunning(true);
    setError(undefined);
    try {
      await work();
    } catch (thrown) {
      const failed = asEngineError(thrown);
      if (failed.code !== "ABORTED") setError(failed);
    }
    setRunning(false);
  };
  return { run: () => void run(), isRunning, error };
}
