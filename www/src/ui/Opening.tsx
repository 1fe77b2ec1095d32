/** Progress while an image opens; and the question before whole layers are fetched. @module */

import { bytes, plural } from "../format/format.ts";
import { readingOf } from "../format/reading.ts";
import { canIndex, type Indexing, indexing } from "../page/indexing.ts";
import { address } from "../page/location.ts";
import { type Opening as OpeningState, opening, reopen, stopOpening } from "../page/session.ts";
import type { OpenedImage } from "../protocol/api.ts";
import { Ask } from "./Ask.tsx";
import { Button, Spinner } from "./controls/index.ts";
import { IndexingPanel } from "./indexing/IndexingPanel.tsx";
import { Reference } from "./shared/Reference.tsx";

export function Opening() {
  const now = opening.value;
  if (now.step === "ask") return <Ask image={now.image} size={now.bytes} attached={now.attached} />;
  if (now.step !== "opening") return null;
  return <Progress now={now} />;
}

function Progress({ now }: { now: Extract<OpeningState, { step: "opening" }> }) {
  const { image: known, requests, bytes: came, done, total } = now;
  const job = indexing.value;
  if (known && job?.image === known.id) return <IndexingPart image={known} job={job} />;
  return (
    <section class="opening" aria-busy="true">
      <h1>
        Opening <Reference reference={address.value.image ?? ""} />
      </h1>
      <p class="opening-now line">
        <Spinner />
        <span role="status">{known ? "Reading the list of files" : "Resolving the name"}</span>
      </p>
      <progress class="progress" aria-label="Progress" max={total || 1} value={total ? done : undefined} />
      <p class="figures faint">
        {plural(requests, "request")}, {bytes(came)}
      </p>
      {known && <LayerList image={known} />}
      <div class="ask-actions flow">
        <Button onClick={stopOpening}>Cancel</Button>
        {known?.layers.some(canIndex) && (
          <Button onClick={() => reopen("index")}>Index the layers instead</Button>
        )}
      </div>
    </section>
  );
}

/** Layers are indexed before they are listed. */
function IndexingPart({ image: known, job }: { image: OpenedImage; job: Indexing }) {
  return (
    <section class="opening opening-index">
      <h1>
        Opening <Reference reference={address.value.image ?? known.name} />
      </h1>
      <IndexingPanel now={job} />
    </section>
  );
}

const READ: Partial<Record<OpenedImage["layers"][number]["read"], string>> = {
  ztoc: "by its index",
  tar: "by its headers: it is not compressed",
  whole: "as a whole: it has no index",
};

function LayerList({ image: known }: { image: OpenedImage }) {
  return (
    <ol class="hint figures plain-list">
      {known.layers.map((it) => (
        <li key={it.index}>
          <span class="opening-size">{bytes(it.size)}</span>{" "}
          {READ[it.read] ?? `as ${readingOf(it, known.soci)}`}
        </li>
      ))}
    </ol>
  );
}
