/** A call of the engine as a component sees it. @module */
import { useEffect, useState } from "preact/hooks";
import { asEngineError, refreshCost } from "../../page/session.ts";
import type { EngineError } from "../../protocol/api.ts";

/** How far a call is. */
export type Call<T> =
  | { step: "running" }
  | { step: "done"; value: T }
  | { step: "failed"; error: EngineError; retry(): void };

/** Runs `call` for `key`, and again for another one; what is no longer wanted is stopped. */
export function useCall<T>(key: string, call: (signal: AbortSignal) => Promise<T>): Call<T> {
  const [attempt, setAttempt] = useState(0);
  const now = `${attempt} ${key}`;
  const [state, setState] = useState<{ of: string; call: Call<T> }>({ of: now, call: { step: "running" } });
  // The key stands for all that the call depends on
  useEffect(() => {
    const stop = new AbortController();
    const settle = (result: Call<T>): void => {
      if (stop.signal.aborted) return;
      setState({ of: now, call: result });
      void refreshCost();
    };
    call(stop.signal).then(
      (value) => settle({ step: "done", value }),
      (error: unknown) =>
        settle({ step: "failed", error: asEngineError(error), retry: () => setAttempt((it) => it + 1) }),
    );
    return () => stop.abort();
  }, [now]);
  return state.of === now ? state.call : { step: "running" };
}
