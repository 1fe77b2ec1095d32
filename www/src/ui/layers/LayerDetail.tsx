/** One layer: what it is, and its tree in the colours of what it does. @module */
import type { ImageConfig } from "ocipeek";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { bytes, time } from "../../format/format.ts";
import { stepsOf } from "../../format/history.ts";
import { foundWords, readingWords, vouchedSentence } from "../../format/reading.ts";
import { visible } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { canIndex, indexing } from "../../page/indexing.ts";
import { address, go, href } from "../../page/location.ts";
import { asEngineError, indexLayer } from "../../page/session.ts";
import type { EngineError, OpenedImage, Waste } from "../../protocol/api.ts";
import { type Catalogue, markOf } from "../../protocol/catalogue.ts";
import { CHANGES, markedEntries } from "../../protocol/marks.ts";
import { displayPath, entryAt, pathOf } from "../../protocol/path.ts";
import { Button, ButtonLink } from "../controls/Button.tsx";
import { Choice } from "../controls/Choice.tsx";
import { Digest } from "../controls/Digest.tsx";
import { LeftIcon } from "../controls/icons.tsx";
import { KeyValue } from "../controls/KeyValue.tsx";
import { whyWhole } from "../image/IndexPart.tsx";
import { IndexingPanel } from "../indexing/IndexingPanel.tsx";
import { Badges } from "../reading/Badges.tsx";
import { CallNote } from "../shared/CallNote.tsx";
import { FailureNote } from "../shared/Failure.tsx";
import { type CallState, useCall } from "../shared/use-call.ts";
import { Tree } from "../tree/Tree.tsx";
import { MARK_WORDS } from "../tree/words.ts";
import { OneTree } from "./Overview.tsx";
import { Tallies } from "./Tallies.tsx";

interface DetailProps {
  image: OpenedImage;
  index: number;
  config: CallState<ImageConfig>;
  waste: CallState<Waste>;
}

/** `show` in the address: the layer's own entries, with what stands for removals. */
const RAW = "entries";

const SHOWN = [
  { id: "changes", title: "Changes" },
  { id: RAW, title: "Raw entries" },
] as const;

export function LayerDetail({ image, index, config, waste }: DetailProps): JSX.Element | null {
  const start = useIndexing(index);
  const layer = image.layers[index];
  if (!layer) return null;
  const known = config.step === "done" ? config.value : undefined;
  const step = stepsOf(known, image.layers.length).find((it) => it.layer === index);
  const tally = waste.step === "done" ? waste.value.layers[index] : undefined;
  const isRaw = address.value.show === RAW;
  const job = indexing.value;
  const isIndexing = job?.image === image.id && job.layer === index;
  return (
    <section class="layer" aria-labelledby="layer">
      <header>
        <ButtonLink class="layer-back" kind="quiet" icon={LeftIcon} href={href({ layer: undefined })}>
          Layers
        </ButtonLink>
        <h1 id="layer">Layer {index}</h1>
        {step?.command && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keys
          <section class="layer-command" tabIndex={0} aria-label="Command">
            <bdi>{visible(step.command)}</bdi>
          </section>
        )}
        <KeyValue
          pairs={[
            ["Digest", <Digest key="digest" digest={layer.digest} label={`layer ${index}`} />],
            ["Size", sizes(layer.size, tally?.total)],
            ["Does", tally && <Tallies key="does" tallies={tally} long />],
            ["Wasted", tally && tally.wasted > 0 ? `${bytes(tally.wasted)}, replaced or removed later` : ""],
            [
              "Read",
              <span key="read">
                <Badges image={image} layer={layer} /> {readingWords(layer, image)}
              </span>,
            ],
            ["Why so", layer.read === "whole" ? whyWhole(layer) : foundWords(layer)],
            ["Vouched for by", vouchedSentence(layer, image.unverified)],
            ["Made", step ? time(step.created) : ""],
          ]}
        />
        {image.isMerged ? (
          <OneTree image={image} />
        ) : (
          <div class="layer-shown">
            <Choice
              label="What to show of the layer"
              options={SHOWN}
              selected={isRaw ? RAW : "changes"}
              onSelect={(id) => go({ show: id === RAW ? RAW : undefined })}
            />
            <a href={href({ view: "files", layer: layer.digest, path: "/" })}>Open alone</a>
            {canIndex(layer) && !isIndexing && (
              <Button busy={job !== undefined} onClick={start.run}>
                Index this layer
              </Button>
            )}
          </div>
        )}
      </header>
      {start.error && <FailureNote error={start.error} onRetry={start.run} />}
      {image.isMerged ? null : isIndexing ? (
        <IndexingPanel now={job} />
      ) : isRaw ? (
        <RawTree image={image} index={index} />
      ) : (
        <ChangesTree image={image} index={index} />
      )}
    </section>
  );
}

/** Starts to index a layer, and what came of it where that failed. */
function useIndexing(index: number): { run(): void; error: EngineError | undefined } {
  const [error, setError] = useState<EngineError>();
  const run = (): void => {
    setError(undefined);
    indexLayer(index).catch((thrown: unknown) => {
      const failed = asEngineError(thrown);
      if (failed.code !== "ABORTED") setError(failed);
    });
  };
  return { run, error };
}

function sizes(compressed: number, content: number | undefined): string {
  return content === undefined ? bytes(compressed) : `${bytes(compressed)}, ${bytes(content)} of content`;
}

function ChangesTree({ image, index }: { image: OpenedImage; index: number }): JSX.Element {
  const changes = useCall(`${image.id} ${index}`, (options) =>
    engine.layerChanges([image.id, index], options),
  );
  if (changes.step !== "done") return <CallNote state={changes} doing="Reading the layer" />;
  return (
    <LayerTree image={image} tree={changes.value.catalogue} empty="This layer holds no files." isChanges />
  );
}

function RawTree({ image, index }: { image: OpenedImage; index: number }): JSX.Element {
  const raw = useCall(`${image.id} ${index}`, (options) =>
    engine.catalogue([{ image: image.id, layer: index }], options),
  );
  if (raw.step !== "done") return <CallNote state={raw} doing="Reading the layer" />;
  return <LayerTree image={image} tree={raw.value} empty="This layer holds no entries." />;
}

interface LayerTreeProps {
  image: OpenedImage;
  tree: Catalogue;
  empty: string;
  isChanges?: boolean;
}

function LayerTree({ image, tree, empty, isChanges }: LayerTreeProps): JSX.Element {
  const only = useMemo(() => (isChanges ? markedEntries(tree, CHANGES) : undefined), [tree, isChanges]);
  const { path } = address.value;
  const selected = entryAt(tree, path);
  return (
    <>
      <div class="layer-tree">
        <Tree
          catalogue={tree}
          label={isChanges ? "Changes of the layer" : "Entries of the layer"}
          selected={selected}
          onSelect={(entry) => go({ path: pathOf(tree, entry) })}
          columns={["size", "mtime", "mode", "owner"]}
          only={only}
          empty={empty}
        />
      </div>
      {selected !== undefined && selected !== 0 && <Selected image={image} tree={tree} entry={selected} />}
    </>
  );
}

/** What is selected, and where it can be seen. */
function Selected({
  image,
  tree,
  entry,
}: {
  image: OpenedImage;
  tree: Catalogue;
  entry: number;
}): JSX.Element {
  const mark = markOf(tree, entry);
  const path = pathOf(tree, entry);
  // What was removed lies in a layer below.
  const from = image.layers[tree.layer[entry] ?? -1];
  return (
    <footer class="layer-selected">
      <bdi title={displayPath(path)}>{visible(displayPath(path))}</bdi>
      {mark !== "none" && <span class={`tally-${mark}`}>{MARK_WORDS[mark].words}</span>}
      {from && (
        <ButtonLink href={href({ view: "files", layer: from.digest, path })}>
          {mark === "removed" ? "View as it was" : "View"}
        </ButtonLink>
      )}
    </footer>
  );
}
