/** One layer: what it is, and its tree in the colours of what it does. @module */

import type { ImageConfig } from "ocipeek";
import { useMemo } from "preact/hooks";
import { bytes, time } from "../../format/format.ts";
import { stepsOf } from "../../format/history.ts";
import { foundWords, readingWords, vouchedSentence } from "../../format/reading.ts";
import { visible } from "../../format/visible.ts";
import { engine } from "../../page/engine.ts";
import { canIndex, indexing } from "../../page/indexing.ts";
import { address, go, href } from "../../page/location.ts";
import { indexLayer } from "../../page/session.ts";
import type { OpenedImage, Waste } from "../../protocol/api.ts";
import { type Catalogue, CHANGES, markedEntries, markOf } from "../../protocol/catalogue.ts";
import { displayPath, entryAt, pathOf } from "../../protocol/path.ts";
import { LeftIcon } from "../controls/icons.tsx";
import { Button, ButtonLink, Choice, Digest, KeyValue } from "../controls/index.ts";
import { useAction } from "../controls/use-action.ts";
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

export function LayerDetail({ image, index, config, waste }: DetailProps) {
  const start = useAction(() => indexLayer(index));
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
            ["Changes", tally && <Tallies key="does" tallies={tally} long />],
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
          <div class="layer-shown between">
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
      ) : (
        <LayerTree image={image} index={index} isRaw={isRaw} />
      )}
    </section>
  );
}

function sizes(compressed: number, content: number | undefined): string {
  return content === undefined ? bytes(compressed) : `${bytes(compressed)}, ${bytes(content)} of content`;
}

/** The layer's changes, or its own entries. */
function LayerTree({ image, index, isRaw }: { image: OpenedImage; index: number; isRaw: boolean }) {
  const { id } = image;
  const call = useCall(`${id} ${index} ${isRaw}`, async (options) =>
    isRaw
      ? engine.catalogue([{ image: id, layer: index }], options)
      : (await engine.layerChanges([id, index], options)).catalogue,
  );
  const tree = call.step === "done" ? call.value : undefined;
  const only = useMemo(() => (tree && !isRaw ? markedEntries(tree, CHANGES) : undefined), [tree]);
  if (!tree) return <CallNote state={call} doing="Reading the layer" />;
  const selected = entryAt(tree, address.value.path);
  return (
    <>
      <div class="layer-tree tall-tree">
        <Tree
          catalogue={tree}
          label={isRaw ? "Entries of the layer" : "Changes of the layer"}
          selected={selected}
          onSelect={(entry) => go({ path: pathOf(tree, entry) })}
          columns={["size", "mtime", "mode", "owner"]}
          only={only}
          empty={isRaw ? "This layer holds no entries." : "This layer holds no files."}
        />
      </div>
      {selected !== undefined && selected !== 0 && <Selected image={image} tree={tree} entry={selected} />}
    </>
  );
}

/** What is selected, and where it can be seen. */
function Selected({ image, tree, entry }: { image: OpenedImage; tree: Catalogue; entry: number }) {
  const mark = markOf(tree, entry);
  const path = pathOf(tree, entry);
  // What was removed lies in a layer below.
  const from = image.layers[tree.layer[entry] ?? -1];
  return (
    <footer class="layer-selected">
      <bdi title={displayPath(path)}>{visible(displayPath(path))}</bdi>
      {mark !== "none" && <span class={`toned tone-${mark}`}>{MARK_WORDS[mark].words}</span>}
      {from && (
        <ButtonLink href={href({ view: "files", layer: from.digest, path })}>
          {mark === "removed" ? "View as it was" : "View"}
        </ButtonLink>
      )}
    </footer>
  );
}
