/** Table of layers: how each is read, and why one is not read by ranges. @module */

import { Fragment } from "preact";
import { isFetchedWhole } from "../../../../web/formats.ts";
import { repositoryOf } from "../../address/pin.ts";
import { bytes, plural } from "../../format/format.ts";
import { formatName, foundWords, isIndexedHere, readingOf } from "../../format/reading.ts";
import { address, href } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { CopyButton, Digest, KeyValue, Table } from "../controls/index.ts";
import { Badges, Legend } from "../reading/Badges.tsx";
import { AttachedIndex, NoDigests } from "../reading/NoDigests.tsx";

type Layer = OpenedImage["layers"][number];

const ROUTES: Record<OpenedImage["route"], string> = {
  direct: "Directly from the registry",
  proxy: "Through this page's host: the registry does not answer web pages",
  local: "From your disk",
};

/** The layers in a table. */
export function IndexPart({ image }: { image: OpenedImage }) {
  const lazy = image.layers.filter((it) => !isFetchedWhole(it, image));
  return (
    <>
      <KeyValue
        pairs={[
          ["Route", ROUTES[image.route]],
          ["Read as", [...new Set(image.layers.map((it) => readingOf(it, image.soci)))].join(", ")],
          [
            "Why so",
            [...new Set(image.layers.filter((it) => it.read !== "whole").map(foundWords))].join("; "),
          ],
          [
            "Named by",
            image.reader && (
              <>
                <code>{image.reader}</code>, by the address.{" "}
                <a href={href({ reader: undefined })}>Read it as the image says</a>
              </>
            ),
          ],
          [
            "SOCI index",
            image.soci
              ? `${image.soci.version}, ${FOUND[image.soci.found] ?? image.soci.found}`
              : image.isMerged || image.layers.every((it) => formatName(it.read))
                ? undefined
                : "the image names none",
          ],
          ["Read lazily", `${lazy.length} of ${plural(image.layers.length, "layer")}`],
        ]}
      />
      <div class="image-table">
        <Table
          label="Layers, the lowest first"
          numbers={[2]}
          head={["#", "Layer", "Size", "Read"]}
          rows={image.layers.map((it) => [
            it.index,
            image.isMerged ? (
              it.index
            ) : (
              <a key="layer" href={href({ layer: it.digest, view: "files", path: "/" })}>
                {it.index}
                <span class="unseen">: browse this layer alone</span>
              </a>
            ),
            <Digest key="digest" digest={it.digest} label={`layer ${it.index}`} />,
            bytes(it.size),
            <Fragment key="read">
              <Badges image={image} layer={it} />{" "}
              <How layer={it} isOwn={isIndexedHere(it)} isNamed={image.reader !== undefined} />
            </Fragment>,
          ])}
        />
      </div>
      <NoDigests image={image} />
      <AttachedIndex image={image} />
      <Legend image={image} />
      <IndexAdvice image={image} />
    </>
  );
}

const FOUND: Record<string, string> = {
  annotation: "named by the image's annotation",
  referrers: "attached by somebody who may write to the repository",
  caller: "named by the caller",
};

/** The zTOC's facts, or why a layer is read whole. */
function How(props: { layer: Layer; isOwn: boolean; isNamed: boolean }) {
  const { layer, isOwn, isNamed } = props;
  if (layer.read === "ztoc") {
    const { size = 0, spanSize } = layer.ztoc ?? {};
    return (
      <span class="image-soft hint">
        {isOwn ? "own index of" : "zTOC of"} {bytes(size)}
        {spanSize !== undefined && `, spans of ${bytes(spanSize)}`}
      </span>
    );
  }
  return layer.read === "whole" ? (
    <span class="image-soft hint">{isNamed ? "as the address says" : whyWhole(layer)}</span>
  ) : null;
}

/** Why a layer is not read by ranges. */
export function whyWhole({ mediaType, size }: Layer): string {
  if (/zstd/.test(mediaType)) return "zstd: SOCI has no index for it";
  if (!/gzip/.test(mediaType)) return "a plain tar, which no digests of parts vouch for";
  return size < 10 << 20 ? "small: SOCI leaves it out by default" : "not in the index";
}

/** Commands that make and push a SOCI index; nothing where all layers have one, or need none. */
export function IndexAdvice({ image }: { image: OpenedImage }) {
  if (!image.layers.some((it) => it.read === "whole")) return null;
  const asked = address.value.image ?? image.name;
  const isLocal = asked.startsWith("file:");
  const reference = isLocal ? "registry/repository:tag" : asked;
  const indexed = `${isLocal ? "registry/repository" : repositoryOf(asked)}:indexed`;
  const commands = [
    `nerdctl pull ${reference}`,
    `soci convert ${reference} ${indexed}`,
    `nerdctl push ${indexed}`,
  ];
  return (
    <section class="advice grid">
      <h2>How to spare everyone from fetching all of it</h2>
      <p>
        Whoever may push to the repository can make an image that names a SOCI index, a small table for each
        layer; the layers stay as they are. Small layers get none by default (<code>--min-layer-size</code>{" "}
        says which); zstd layers cannot have one yet.
      </p>
      <div class="command">
        <pre>
          <code>{commands.join("\n")}</code>
        </pre>
        <CopyButton text={commands.join("\n")} label="Copy commands" />
      </div>
    </section>
  );
}
