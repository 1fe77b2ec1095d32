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
  call: (options: CallOptions & { signal: AbortSignal }) => Promise<T>,
): CallState<T> {
  const [attempt, setAttempt] = useState(0);
  const now = `${attempt} ${key}`;
  const [state, setState] = useState<{ of: string; call: CallState<T> }>();
  // The key says what the call is for.
  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    const { signal } = stop;
    const tell = (call: CallState<T>): void => {
      if (signal.aborted) return;
      setState({ of: now, call });
      if (call.step !== "running") void refreshCost();
    };
    call({ signal, onProgress: (progress) => tell({ step: "running", progress }) }).then(
      (value) => tell({ step: "done", value }),
      (error: unknown) =>
        tell({ step: "failed", error: asEngineError(error), retry: () => setAttempt((it) => it + 1) }),
    );
    return () => stop.abort();
  }, [now]);
  return state?.of === now ? state.call : { step: "running", progress: {} };
}
