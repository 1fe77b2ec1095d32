/** The state of a call to the engine, for one part of a view. @module */
import { useEffect, useState } from "preact/hooks";
import { asEngineError, refreshCost } from "../../page/session.ts";
import type { CallProgress, EngineError } from "../../protocol/api.ts";
import type { CallOptions } from "../../protocol/rpc.ts";

/** How far a call is. While it runs anew for something else, nothing of before is told. */
export type CallState<T> =
  | { step: "running"; progress: CallProgress }
  | { step: "done"; value: T }
  | { step: "failed"; error: EngineError; retry(): void };

/**
 * Calls, anew where `key` changes, and stops what is not wanted any more. A call that is told by `undefined` waits.
 */
export function useCall<T>(
  key: string | undefined,
  call: (options: CallOptions) => Promise<T>,
): CallState<T> {
  const [attempt, setAttempt] = useState(0);
  const [now, setNow] = useState<{ key: string | undefined; state: CallState<T> }>();
  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    const { signal } = stop;
    const tell = (state: CallState<T>): void => {
      if (!signal.aborted) setNow({ key, state });
    };
    tell({ step: "running", progress: {} });
    call({ signal, onProgress: (progress) => tell({ step: "running", progress }) }).then(
      (value) => {
        tell({ step: "done", value });
        void refreshCost();
      },
      (error) =>
        tell({ step: "failed", error: asEngineError(error), retry: () => setAttempt((count) => count + 1) }),
    );
    return () => stop.abort();
    // The key says what the call is for.
  }, [key, attempt]);
  return now && now.key === key ? now.state : { step: "running", progress: {} };
}
