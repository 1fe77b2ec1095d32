/** What went wrong, and what to do about it. @module */
import type { JSX } from "preact";
import { reopen } from "../page/session.ts";
import type { EngineError } from "../protocol/api.ts";

export function Failure({ error }: { error: EngineError }): JSX.Element {
  return (
    <section class="failure" role="alert">
      <h1>{error.code}</h1>
      <p>{error.message}</p>
      <button type="button" onClick={() => reopen()}>
        Try again
      </button>
    </section>
  );
}
