/** Placeholder of a call's result until it is there. @module */
import { Spinner } from "../controls/index.ts";
import { FailureNote } from "../shared/Failure.tsx";
import type { CallState } from "../shared/use-call.ts";

/** `doing`: for screen readers. */
export function Pending({ call, doing }: { call: CallState<unknown>; doing: string }) {
  if (call.step === "done") return null;
  if (call.step === "running") return <Spinner label={doing} />;
  return <FailureNote error={call.error} onRetry={call.retry} />;
}
