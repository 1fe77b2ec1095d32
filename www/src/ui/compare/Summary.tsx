/** A comparison in numbers, and what differs of the configs. @module */

import { useState } from "preact/hooks";
import { configChanges } from "../../format/config-diff.ts";
import { bytes, count, plural } from "../../format/format.ts";
import { visible } from "../../format/visible.ts";
import { compareContents, type OpenComparison } from "../../page/comparison.ts";
import { engine } from "../../page/engine.ts";
import { address } from "../../page/location.ts";
import type { Tally } from "../../protocol/api.ts";
import { markedEntries } from "../../protocol/catalogue.ts";
import { pathOf } from "../../protocol/path.ts";
import { Button, KeyValue, Note } from "../controls/index.ts";
import { CallNote } from "../shared/CallNote.tsx";
import { useCall } from "../shared/use-call.ts";
import { ChangesTable } from "./ChangesTable.tsx";

interface SummaryProps {
  compared: OpenComparison;
  onAnew(compared: OpenComparison): void;
  /** Configs are shown on demand. */
  isShort?: boolean;
}

export function Summary({ compared, onAnew, isShort }: SummaryProps) {
  const { left, right, comparison, rightCost } = compared;
  const { added, changed, removed, unverifiedSame, sharedLayers } = comparison;
  const [wantsConfigs, setWantsConfigs] = useState(!isShort);
  const isSame = left.digest === right.digest;
  return (
    <section class="compare-summary" aria-label="Summary">
      {(isSame || !isShort) && <h2>{isSame ? "Both are the same image" : "What differs"}</h2>}
      <KeyValue
        pairs={[
          ["Added", <Numbers key="added" name="added" tally={added} />],
          ["Changed", <Numbers key="changed" name="changed" tally={changed} />],
          ["Removed", <Numbers key="removed" name="removed" tally={removed} />],
          ["Undecided", <Numbers key="same" name="none" tally={unverifiedSame} />],
          ["Layers", `${sharedLayers.length} of ${count(right.layers.length)} in both images`],
          [
            "Fetched",
            `${bytes(rightCost.bytes)} in ${plural(rightCost.requests, "request")} for the other image`,
          ],
        ]}
      />
      {unverifiedSame.files > 0 && <Undecided compared={compared} onAnew={onAnew} />}
      {wantsConfigs ? (
        <Configs compared={compared} />
      ) : (
        <Button class="compare-wants" onClick={() => setWantsConfigs(true)}>
          Compare configs
        </Button>
      )}
    </section>
  );
}

function Numbers({ name, tally }: { name: string; tally: Tally }) {
  return (
    <span class={tally.files > 0 ? `toned tone-${name}` : "soft"}>
      {plural(tally.files, "file")}
      {tally.bytes > 0 && `, ${bytes(tally.bytes)}`}
    </span>
  );
}

/** Files that attributes do not tell apart: what comparing them costs, and the button that does it. */
function Undecided({ compared, onAnew }: SummaryProps) {
  const { files, bytes: size } = compared.comparison.unverifiedSame;
  const [asked, setAsked] = useState(false);
  const run = useCall(asked ? `${compared.comparison.catalogue.id}` : undefined, async (options) => {
    const { catalogue } = compared.comparison;
    const paths = [...markedEntries(catalogue, ["unverified-same"])].map((at) => pathOf(catalogue, at));
    onAnew(await compareContents(compared, paths, address.peek(), options));
  });
  return (
    <Note
      title={`${plural(files, "file")} with equal attributes in different layers`}
      actions={
        !asked ? (
          <Button onClick={() => setAsked(true)}>Compare contents</Button>
        ) : (
          run.step === "running" && <Button onClick={() => setAsked(false)}>Stop</Button>
        )
      }
    >
      Size, time, mode and owner are equal. Whether the contents are can only be told by reading:{" "}
      {bytes(size)} of content on either side, compressed less.
      {asked && <CallNote state={run} doing="Comparing" />}
    </Note>
  );
}

/** Also what is there and empty can be seen. */
function shown(value: string | undefined): string {
  return value === "" ? "(empty)" : visible(value ?? "");
}

function Configs({ compared: { left, right } }: { compared: OpenComparison }) {
  const configs = useCall(`${left.id} ${right.id}`, (options) =>
    Promise.all([engine.config([left.id], options), engine.config([right.id], options)]),
  );
  if (configs.step !== "done") return <CallNote state={configs} doing="Reading the configs" />;
  const changes = configChanges(...configs.value).map((it) => ({
    name: visible(it.name),
    left: shown(it.left),
    right: shown(it.right),
  }));
  return (
    <div class="compare-configs">
      <h2 id="compare-configs">Config</h2>
      {changes.length === 0 ? (
        <p class="soft">Both agree on platform, environment, command, labels, ports and volumes.</p>
      ) : (
        <ChangesTable labelledby="compare-configs" changes={changes} />
      )}
    </div>
  );
}
