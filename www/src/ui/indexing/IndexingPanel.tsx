/** Progress of building an index, with what is known of the layer by now. @module */

import { useEffect, useRef, useState } from "preact/hooks";
import { duration } from "../../../../js/common/duration.ts";
import { bytes, count } from "../../format/format.ts";
import { cancelIndexing, type Indexing, pauseIndexing } from "../../page/indexing.ts";
import type { Catalogue } from "../../protocol/catalogue.ts";
import { pathOf } from "../../protocol/path.ts";
import { Button } from "../controls/index.ts";
import { modelOf } from "../tree/model.ts";
import { Tree } from "../tree/Tree.tsx";
import "./indexing.css";

/** Screen readers are told each time that so much more of the layer came, in percent. */
const TOLD_STEP = 25;

export function IndexingPanel({ now }: { now: Indexing }) {
  const { news, paused, tree, layer, at, of } = now;
  const share = news ? Math.floor((100 * news.bytes) / Math.max(1, news.total)) : 0;
  return (
    <section class="indexing column" aria-labelledby="indexing">
      <div class="indexing-head grid">
        <h2 id="indexing">
          Indexing layer {layer}
          {of > 1 && <span class="soft"> ({`${at} of ${of}`})</span>}
        </h2>
        <progress
          class="progress"
          aria-label={`Layer ${layer}`}
          max={news?.total || 1}
          value={news ? news.bytes : undefined}
        />
        <p class="indexing-facts figures faint">{facts(now)}</p>
        <p class="unseen" role="status">
          {paused ? "Paused" : `${share - (share % TOLD_STEP)} % of layer ${layer} indexed`}
        </p>
        <div class="indexing-actions flow">
          <Button onClick={() => pauseIndexing(!paused)}>{paused ? "Resume" : "Pause"}</Button>
          <Button onClick={cancelIndexing}>Cancel</Button>
        </div>
      </div>
      {tree && <Growing tree={tree} />}
    </section>
  );
}

/** `12.3 MB of 45 MB, 8.1 MB/s, 4 s left, 2,859 entries`. */
function facts({ news, paused }: Indexing): string {
  if (!news) return "Asking for the layer";
  const { bytes: done, total, bytesPerSecond, etaSeconds, entries } = news;
  const parts = [`${bytes(done)} of ${bytes(total)}`];
  if (paused) parts.push("paused");
  else {
    if (bytesPerSecond > 0) parts.push(`${bytes(Math.round(bytesPerSecond))}/s`);
    if (etaSeconds !== undefined && done < total) parts.push(`${duration(etaSeconds)} left`);
  }
  parts.push(`${count(entries)} ${entries === 1 ? "entry" : "entries"}`);
  return parts.join(", ");
}

/** The tree as it grows: what was opened stays open. */
function Growing({ tree }: { tree: Catalogue }) {
  const before = useRef<Catalogue | undefined>(undefined);
  const [selected, setSelected] = useState<string>();
  if (before.current !== tree) {
    if (before.current) modelOf(tree).takeOver(modelOf(before.current));
    before.current = tree;
  }
  useEffect(() => setSelected(undefined), [tree]);
  return (
    <div class="indexing-tree">
      <Tree
        catalogue={tree}
        label="Entries so far"
        selected={undefined}
        onSelect={(entry) => setSelected(pathOf(tree, entry))}
        columns={["size", "mtime"]}
        filter={false}
      />
      {selected !== undefined && (
        <p class="indexing-note hint">Files can be read once the layer is indexed.</p>
      )}
    </div>
  );
}
