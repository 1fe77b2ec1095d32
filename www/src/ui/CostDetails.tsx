/** Requests and bytes in detail, and the cache. @module */

import { useEffect, useState } from "preact/hooks";
import { bytes, count, plural } from "../format/format.ts";
import { isAttached } from "../format/reading.ts";
import { engine } from "../page/engine.ts";
import { image } from "../page/session.ts";
import type { CacheState, Cost } from "../protocol/api.ts";
import { Button, KeyValue, Table } from "./controls/index.ts";
import { useAction } from "./controls/use-action.ts";

/** So many of the newest requests are listed. */
const LISTED = 200;

const PURPOSES: Record<string, string> = {
  ping: "is it a registry?",
  token: "sign in",
  manifest: "manifest",
  referrers: "look for an index",
  blob: "blob",
  range: "part of a layer",
};

/** What stands in the meter's panel. */
export function CostDetails({ spent }: { spent: Cost }) {
  const isLocal = image.value?.route === "local";
  const share = spent.imageBytes > 0 ? (100 * spent.bytes) / spent.imageBytes : 0;
  return (
    <div class="cost grid">
      <h2>What this image cost</h2>
      <KeyValue
        pairs={[
          [isLocal ? "Reads" : "Requests", count(spent.requests)],
          [
            isLocal ? "Read" : "Received",
            `${bytes(spent.bytes)}: ${share < 0.1 && share > 0 ? "less than 0.1" : share.toFixed(1)} % of the image's ${bytes(spent.imageBytes)}`,
          ],
          ["From the cache", plural(spent.cacheHits, "piece")],
          ["Retried", spent.retries > 0 ? count(spent.retries) : undefined],
          ["Inflated", bytes(spent.inflated)],
        ]}
      />
      <p class="cost-note hint">
        {image.value?.unverified
          ? "You agreed to read this image by ranges: what they hold is not checked against digests."
          : image.value?.layers.some(isAttached)
            ? "You agreed to read this image by an index that somebody attached to it: digests in it vouch for what is shown, and nobody but them for these."
            : "Nothing is shown before it was checked against a digest."}
      </p>
      <CacheDetails />
      <RequestLog spent={spent} />
    </div>
  );
}

const KINDS: Record<CacheState["kind"], string> = {
  "cache-api": "In this browser, for later visits",
  memory: "In this tab's memory: the page is not at https or localhost",
  none: "None: the browser gives this page no storage",
};

function CacheDetails() {
  const [state, setState] = useState<CacheState>();
  const look = useAction(async () => setState(await engine.cacheState([])));
  const clear = useAction(async () => setState(await engine.clearCache([])));
  const error = clear.error ?? look.error;
  useEffect(look.run, []);
  return (
    <section class="cost-cache" aria-label="Cache">
      <h2>Cache</h2>
      {error && <p>{error.message}</p>}
      {state && (
        <div class="cost-cache-row between">
          <p>
            {bytes(state.bytes)} of at most {bytes(state.maxBytes)}, {plural(state.entries, "piece")}.{" "}
            <span class="cost-note hint">{KINDS[state.kind]}.</span>
          </p>
          <Button busy={clear.isRunning} disabled={state.entries === 0} onClick={clear.run}>
            Clear
          </Button>
        </div>
      )}
    </section>
  );
}

/** The newest first. */
function RequestLog({ spent }: { spent: Cost }) {
  const [log, setLog] = useState<Cost["log"]>();
  const id = image.value?.id;
  useEffect(() => {
    let isCurrent = true;
    if (id !== undefined) {
      engine.cost([id, true]).then(
        (it) => isCurrent && setLog(it.log),
        () => isCurrent && setLog([]),
      );
    }
    return () => {
      isCurrent = false;
    };
  }, [id, spent.requests]);
  if (!log || log.length === 0) return null;
  const newest = log.slice(-LISTED).reverse();
  return (
    <section aria-label="Requests">
      <h2>Requests</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="cost-log" aria-label="List of requests" tabIndex={0}>
        <Table
          label="Requests"
          numbers={[2, 3]}
          head={["For", "What", "Status", "Bytes"]}
          rows={newest.map((it, at) => [
            log.length - at,
            PURPOSES[it.purpose] ?? it.purpose,
            <span key="what" title={`${it.method} ${it.target}`}>
              <bdi>{shortTarget(it.target)}</bdi>
              {it.range && (
                <span class="hint">
                  {" "}
                  {count(it.range[0])}–{count(it.range[1] - 1)}
                </span>
              )}
            </span>,
            it.status || "none",
            count(it.bytes),
          ])}
        />
      </section>
      {spent.requests > newest.length && (
        <p class="cost-note hint">
          The newest {count(newest.length)} of {count(spent.requests)}.
        </p>
      )}
    </section>
  );
}

/** A URL's host and the end of its path, digests cut. */
function shortTarget(target: string): string {
  return target
    .replace(/^https?:\/\//, "")
    .replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1…")
    .replace(/\/(?:-\/)?v2\//, " ");
}
