/**
 * For an image in a format that has no digest for what is fetched by ranges: what is verified and what not, what reading it
 * as a whole costs, and the choice.
 * @module
 */
import type { JSX } from "preact";
import { formatWithoutDigests } from "../../../../web/formats.ts";
import { bytes } from "../../format/format.ts";
import { formatName } from "../../format/reading.ts";
import { readUnverified } from "../../page/session.ts";
import type { OpenedImage } from "../../protocol/api.ts";
import { Button } from "../controls/Button.tsx";
import { Note } from "../controls/Note.tsx";

/** Nothing for an image in another format. */
export function NoDigests({ image }: { image: OpenedImage }): JSX.Element | null {
  const format = formatWithoutDigests(image.layers);
  // A file on the disk is hashed once, and read where it lies then.
  if (!format || (image.route === "local" && !image.unverified)) return null;
  const name = formatName(format);
  if (image.unverified) {
    return (
      <Note
        kind="careful"
        title={`${name} is read by ranges here, as you agreed`}
        actions={<Button onClick={() => readUnverified(false)}>Read it whole, verified</Button>}
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
      actions={<Button onClick={() => readUnverified(true)}>Read by ranges, unverified</Button>}
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
