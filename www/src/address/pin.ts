/** An image by its digest: what a tag names today, for ever. @module */
import type { OpenedImage } from "../protocol/api.ts";
import type { Address } from "./address.ts";

/** The fields of an address that name an image. */
export type ImagePlace = Pick<Address, "image" | "platform">;

/** A reference without its tag and digest: `ghcr.io/org/app`. */
export function repositoryOf(reference: string): string {
  const name = reference.replace(/@.*$/, "");
  const tag = name.indexOf(":", name.lastIndexOf("/") + 1);
  return tag < 0 ? name : name.slice(0, tag);
}

/** An image by its digest, and which of an index's images. Local files stay what they are. */
export function pinned(
  place: ImagePlace,
  opened: Pick<OpenedImage, "digest" | "indexDigest" | "platform"> | undefined,
): ImagePlace {
  if (!opened || place.image === undefined || place.image.startsWith("file:")) return place;
  const { digest, indexDigest, platform } = opened;
  return {
    image: `${repositoryOf(place.image)}@${indexDigest ?? digest}`,
    platform: indexDigest === undefined ? place.platform : platform,
  };
}
