/** How each layer is read, and why one is not read by ranges. @module */
import type { JSX } from "preact";
import { bytes, plural } from "../../format/format.ts";
import { isIndexedHere } from "../../format/reading.ts";
import { href } from "../../page/location.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Digest } from "../controls/Digest.tsx";
import { KeyValue } from "../controls/KeyValue.tsx";
import { Badge } from "../controls/Note.tsx";
import { IndexAdvice } from "./IndexAdvice.tsx";

type Layer = OpenedImage["layers"][number];

const ROUTES: Record<OpenedImage["route"], string> = {
  direct: "Directly from the registry",
  proxy: "Through this page's host: the registry does not answer web pages",
  local: "From your disk",
};

/** The layers in a table. */
export function IndexPart({ image }: { image: OpenedImage }): JSX.Element {
  const indexed = image.layers.filter((it) => it.read === "ztoc").length;
  return (
    <>
      <KeyValue
        pairs={[
          ["Route", ROUTES[image.route]],
          [
            "SOCI index",
            image.soci
              ? `${image.soci.version}, ${FOUND[image.soci.found] ?? image.soci.found}`
              : "none was found",
          ],
          ["Indexed", `${indexed} of ${plural(image.layers.length, "layer")}`],
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
                  <a href={href({ layer: it.digest, view: "files", path: "/" })}>
                    {it.index}
                    <span class="unseen">: browse this layer alone</span>
                  </a>
                </td>
                <td>
                  <Digest digest={it.digest} label={`layer ${it.index}`} />
                </td>
                <td class="image-number">{bytes(it.size)}</td>
                <td>
                  <How layer={it} isOwn={isIndexedHere(it, image.soci)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <IndexAdvice image={image} />
    </>
  );
}

const FOUND: Record<string, string> = {
  annotation: "named by the image's annotation",
  referrers: "listed by the registry as a referrer",
  caller: "named by the caller",
};

/** `by ranges` with the zTOC's facts, or why not. */
function How({ layer, isOwn }: { layer: Layer; isOwn: boolean }): JSX.Element {
  if (layer.read === "ztoc") {
    const { size = 0, spanSize } = layer.ztoc ?? {};
    return (
      <>
        <Badge kind="good">by ranges</Badge>{" "}
        <span class="image-soft">
          {isOwn ? "own index of" : "zTOC of"} {bytes(size)}
          {spanSize !== undefined && `, spans of ${bytes(spanSize)}`}
        </span>
      </>
    );
  }
  if (layer.read === "tar") {
    return (
      <>
        <Badge kind="good">by ranges</Badge> <span class="image-soft">plain tar</span>
      </>
    );
  }
  return (
    <>
      <Badge kind="careful">as a whole</Badge> <span class="image-soft">{whyWhole(layer)}</span>
    </>
  );
}

/** Why a layer is not read by ranges. */
export function whyWhole({ mediaType, size }: Layer): string {
  if (/zstd/.test(mediaType)) return "zstd: SOCI has no index for it";
  if (!/gzip/.test(mediaType)) return "a plain tar, which no digests of parts vouch for";
  return size < 10 << 20 ? "small: SOCI leaves it out by default" : "not in the index";
}
