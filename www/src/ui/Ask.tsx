/** Question before whole layers are fetched: what they are, why, and what there is instead. @module */

import type { LazyFormat } from "ocipeek";
import { formatWithoutDigests } from "../../../web/formats.ts";
import { bytes, plural } from "../format/format.ts";
import { formatName } from "../format/reading.ts";
import { canIndex } from "../page/indexing.ts";
import { address, href } from "../page/location.ts";
import { agree, reopen } from "../page/session.ts";
import type { OpenedImage } from "../protocol/api.ts";
import { Button, ButtonLink, Table } from "./controls/index.ts";
import { IndexAdvice } from "./image/IndexPart.tsx";
import { Badges, Legend } from "./reading/Badges.tsx";

interface AskProps {
  image: OpenedImage;
  /** Bytes of the layers that are needed as a whole. */
  size: number;
  /** Indexes that somebody attached to the image. */
  attached: number;
}

export function Ask({ image, size, attached }: AskProps) {
  const format = formatWithoutDigests(image.layers);
  return format ? (
    <AskNoDigests image={image} size={size} format={format} />
  ) : (
    <AskWhole image={image} size={size} attached={attached} />
  );
}

/** Parts of these layers have no digests: whole and verified, or by parts and not. */
function AskNoDigests({ image, size, format }: { image: OpenedImage; size: number; format: LazyFormat }) {
  const name = formatName(format);
  return (
    <section class="ask">
      <h1>Nothing vouches for parts of this image</h1>
      <p>
        It is in the format {name}, which has no digests for the parts that would be fetched. Its manifest is
        verified, and so are whole layers: {bytes(size)} that are fetched first, equal their digests, and stay
        in this browser's memory only.
      </p>
      <p>
        Or it is read by ranges, and only what you look at is fetched. Names, attributes and contents then
        have checksums (CRC) at most: these find damage, but whoever serves the image could change it
        unnoticed. The page says so wherever it shows them, and asks again on the next visit.
      </p>
      <div class="ask-actions flow">
        <Button kind="primary" onClick={() => reopen("fetch")}>
          Fetch {bytes(size)}, verified
        </Button>
        <Button onClick={() => agree("unverified", true)}>Read by ranges, unverified</Button>
        <ButtonLink href={href({ view: "image" })}>About this image</ButtonLink>
        <ButtonLink href="#/">Open another image</ButtonLink>
      </div>
      <Legend image={image} />
    </section>
  );
}

function AskWhole({ image, size, attached }: AskProps) {
  const lacking = image.layers.filter((it) => it.read === "whole");
  const one = address.value.layer !== undefined;
  const wanted = one ? lacking.filter((it) => it.digest === address.value.layer) : lacking;
  const indexable = wanted.filter(canIndex).length;
  return (
    <section class="ask">
      <h1>
        {attached > 0
          ? "This image has an index that somebody attached"
          : one
            ? "This layer has no index"
            : lacking.length === image.layers.length
              ? "This image has no index"
              : `${plural(lacking.length, "layer")} of ${image.layers.length} ${lacking.length === 1 ? "has" : "have"} no index`}
      </h1>
      {attached > 0 && (
        <p>
          The image itself names none, but somebody who may write to the repository has put one beside it.
          With it only what you look at is fetched. It could show other names, links and contents than the
          layers hold, and hide files: whoever can attach one decides that. The page says so wherever it shows
          what it read by it, and asks again on the next visit.
        </p>
      )}
      <p>
        A layer is one compressed archive. Without an index that says where each file begins, all of it must
        be fetched before its files can be listed: {bytes(size)}. It is checked, and stays in this browser's
        memory only.
      </p>
      {indexable > 0 && (
        <p>
          Or it is indexed: it streams past once as well, and the index that this browser builds meanwhile
          stays in its cache. Files are fetched by ranges then, on later visits too.
        </p>
      )}
      <div class="ask-actions flow">
        {indexable > 0 && (
          <Button kind="primary" onClick={() => reopen("index")}>
            {one || lacking.length === 1 ? "Index this layer" : "Index these layers"}
          </Button>
        )}
        <Button kind={indexable > 0 ? "normal" : "primary"} onClick={() => reopen("fetch")}>
          Fetch {bytes(size)}
        </Button>
        {attached > 0 && <Button onClick={() => agree("attached", true)}>Use the attached index</Button>}
        <ButtonLink href={href({ view: "image" })}>About this image</ButtonLink>
        <ButtonLink href="#/">Open another image</ButtonLink>
      </div>
      {image.layers.length > 1 && (
        <div class="ask-layers">
          <Table
            label="Layers"
            numbers={[1]}
            head={[
              "Layer",
              "Size",
              "Read",
              <span key="alone" class="unseen">
                Alone
              </span>,
            ]}
            rows={image.layers.map((it) => [
              it.index,
              it.index,
              bytes(it.size),
              <Badges key="read" image={image} layer={it} />,
              <a key="alone" href={href({ layer: it.digest, path: "/", view: "files" })}>
                Browse layer {it.index} alone
              </a>,
            ])}
          />
        </div>
      )}
      <IndexAdvice image={image} />
    </section>
  );
}
