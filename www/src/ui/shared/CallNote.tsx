/** Progress of a call, in the place of its result. @module */

import { bytes, count } from "../../format/format.ts";
import type { CallProgress } from "../../protocol/api.ts";
import { Spinner } from "../controls/index.ts";
import { FailureNote } from "./Failure.tsx";
import type { CallState } from "./use-call.ts";

/** `doing`: `Reading the layers`. */
export function CallNote({ state, doing }: { state: CallState<unknown>; doing: string }) {
  if (state.step === "done") return null;
  if (state.step === "running") {
    return (
      <p class="soft" role="status">
        <Spinner /> {doing} … {said(state.progress)}
      </p>
    );
  }
  return <FailureNote error={state.error} onRetry={state.retry} />;
}

function said({ done, total, bytes: fetched }: CallProgress): string {
  if (done !== undefined && total !== undefined) return `${count(done)} of ${count(total)}`;
  return fetched === undefined ? "" : `${bytes(fetched)} fetched`;
}
