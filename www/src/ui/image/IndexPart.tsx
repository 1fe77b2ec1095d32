/** How each layer is read, and why one is not read by ranges. @module */
import type { JSX } from "preact";
import { isFetchedWhole } from "../../../../web/formats.ts";
import { bytes, plural } from "../../format/format.ts";
import { formatName, foundWords, isIndexedHere, readingOf } from "../../format/reading.ts";
import { href } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Digest } from "../controls/Digest.tsx";
import { KeyValue } from "../controls/KeyValue.tsx";
import { AttachedIndex } from "../reading/AttachedIndex.tsx";
import { Badges, Legend } from "../reading/Badges.tsx";
import { NoDigests } from "../reading/NoDigests.tsx";
import { IndexAdvice } from "./IndexAdvice.tsx";

type Layer = OpenedImage["layers"][number];

const ROUTES: Record<OpenedImage["route"], string> = {
  direct: "Directly from the registry",
  proxy: "Through this page's host: the registry does not answer web pages",
  local: "From your disk",
};

/** The layers in a table. */
export function IndexPart({ image }: { image: OpenedImage }): JSX.Element {
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
            "Named here",
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
          ["Lazily", `${lazy.length} of ${plural(image.layers.length, "layer")}`],
        ]}
      />
      <div class="image-table">
        <table>
          <caption class="unseen">Layers, the lowest first</caption>
          <thead>
            <tr>
              <th>#</th>
              <th>Layer</th>
              <th class="image-number">Size</th>
              <th>Read</th>
            </tr>
          </thead>
          <tbody>
            {image.layers.map((it) => (
              <tr key={it.index}>
                <td>
                  {image.isMerged ? (
                    it.index
                  ) : (
                    <a href={href({ layer: it.digest, view: "files", path: "/" })}>
                      {it.index}
                      <span class="unseen">: browse this layer alone</span>
                    </a>
                  )}
                </td>
                <td>
                  <Digest digest={it.digest} label={`layer ${it.index}`} />
                </td>
                <td class="image-number">{bytes(it.size)}</td>
                <td>
                  <Badges image={image} layer={it} />{" "}
                  <How layer={it} isOwn={isIndexedHere(it)} isNamed={image.reader !== undefined} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
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
function How(props: { layer: Layer; isOwn: boolean; isNamed: boolean }): JSX.Element | null {
  const { layer, isOwn, isNamed } = props;
  if (layer.read === "ztoc") {
    const { size = 0, spanSize } = layer.ztoc ?? {};
    return (
      <span class="image-soft">
        {isOwn ? "own index of" : "zTOC of"} {bytes(size)}
        {spanSize !== undefined && `, spans of ${bytes(spanSize)}`}
      </span>
    );
  }
  return layer.read === "whole" ? (
    <span class="image-soft">{isNamed ? "as the address says" : whyWhole(layer)}</span>
  ) : null;
}

/** Why a layer is not read by ranges. */
export function whyWhole({ mediaType, size }: Layer): string {
  if (/zstd/.test(mediaType)) return "zstd: SOCI has no index for it";
  if (!/gzip/.test(mediaType)) return "a plain tar, which no digests of parts vouch for";
  return size < 10 << 20 ? "small: SOCI leaves it out by default" : "not in the index";
}
