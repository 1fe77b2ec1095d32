/** Choices of reading: of formats without digests for what is fetched by ranges, and of indexes that somebody attached. @module */

import { useState } from "preact/hooks";
import { formatWithoutDigests } from "../../../../web/formats.ts";
import { bytes } from "../../format/format.ts";
import { formatName, isAttached } from "../../format/reading.ts";
import { engine } from "../../page/engine.ts";
import { agree } from "../../page/session.ts";
import type { AttachedIndexes, OpenedImage } from "../../protocol/api.ts";
import { Button, Note } from "../controls/index.ts";
import { useAction } from "../controls/use-action.ts";

/** Nothing for an image in another format. */
export function NoDigests({ image }: { image: OpenedImage }) {
  const format = formatWithoutDigests(image.layers);
  // A file on the disk is hashed once, and read where it lies then.
  if (!format || (image.route === "local" && !image.unverified)) return null;
  const name = formatName(format);
  if (image.unverified) {
    return (
      <Note
        kind="careful"
        title={`${name} is read by ranges here, as you agreed`}
        actions={<Button onClick={() => agree("unverified", false)}>Read it whole, verified</Button>}
      >
        {format === "overlaybd"
          ? "Verified are manifest and config. Names, attributes and contents have checksums (CRC) at most: these find damage, but whoever serves the image could change it unnoticed."
          : "Verified are manifest, config, names and attributes. Contents are not: whoever serves the image could change them unnoticed."}{" "}
        That holds until this page is left.
      </Note>
    );
  }
  return (
    <Note
      title={`${name} has no digests for parts of a layer`}
      actions={<Button onClick={() => agree("unverified", true)}>Read by ranges, unverified</Button>}
    >
      {format === "overlaybd"
        ? `So all of it, ${bytes(sizeOf(image))}, is fetched before anything is shown, and equals the digests of its layers.`
        : "Names and attributes are verified. When content is read, the layer of the original image that it lies in is fetched whole first, and equals its digest."}{" "}
      By ranges it would be less, but nothing that is cryptographic would vouch for what is shown.
    </Note>
  );
}

/** Bytes of the layers. */
export function sizeOf({ layers }: Pick<OpenedImage, "layers">): number {
  return layers.reduce((sum, it) => sum + it.size, 0);
}

/** Nothing where no layer would be read by it. */
export function AttachedIndex({ image }: { image: OpenedImage }) {
  if (image.attached) return <Agreed image={image} />;
  const isLacking = image.soci === undefined && image.layers.some((it) => it.read === "whole");
  return isLacking && image.route !== "local" ? <Search key={image.id} image={image} /> : null;
}

/** The user agreed: what came of it. */
function Agreed({ image }: { image: OpenedImage }) {
  const isUsed = image.layers.some(isAttached);
  return (
    <Note
      kind={isUsed ? "careful" : "info"}
      title={
        isUsed ? "It is read by what is attached to it, as you agreed" : "What is attached to it does not fit"
      }
      actions={<Button onClick={() => agree("attached", false)}>Read it by its layers alone</Button>}
    >
      {isUsed
        ? "Somebody who may write to the repository put it there. It could show other names, links and contents than the layers hold, and hide files. That holds until this page is left."
        : "No attached index fits this image, so it is read by its layers alone."}
    </Note>
  );
}

/** Whether there is one takes a request, which nobody has asked for yet. */
function Search({ image }: { image: OpenedImage }) {
  const [found, setFound] = useState<AttachedIndexes>();
  const search = useAction(async () => setFound(await engine.findAttached([image.id])));
  const count = found?.count ?? 0;
  return (
    <Note
      title="The image names no index of its own"
      actions={
        count > 0 ? (
          <Button onClick={() => agree("attached", true)}>Use the attached index</Button>
        ) : (
          <Button onClick={search.run} busy={search.isRunning}>
            Look for an attached one
          </Button>
        )
      }
    >
      <span role="status">
        {search.error?.message ??
          (found === undefined
            ? "Somebody who may write to the repository may have put one beside it. Nothing ties such an index to the image."
            : count > 0
              ? `${count === 1 ? "One was" : `${count} were`} found. It could show other names, links and contents than the layers hold, and hide files: whoever attached it decides that.`
              : (found.failed ?? "None was found."))}
      </span>
    </Note>
  );
}
