/** While an image opens, and the question before whole layers are fetched. @module */
import type { JSX } from "preact";
import { bytes } from "../format/format.ts";
import { opening, reopen } from "../page/session.ts";

export function Opening(): JSX.Element {
  const now = opening.value;
  if (now.step === "ask") {
    return (
      <section class="ask">
        <h1>No index for some layers</h1>
        <p>To list the files, {bytes(now.bytes)} of whole layers must be fetched.</p>
        <button type="button" onClick={() => reopen({ consent: true })}>
          Fetch {bytes(now.bytes)}
        </button>
      </section>
    );
  }
  const said = now.step === "opening" ? `${now.requests} requests, ${bytes(now.bytes)}` : "";
  return (
    <p class="opening" role="status">
      Opening … {said}
    </p>
  );
}
