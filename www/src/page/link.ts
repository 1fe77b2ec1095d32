/** Links that show the same for ever: what a tag names today is written as its digest. @module */
import { type Address, formatAddress } from "../address/address.ts";
import type { OpenedImage } from "../protocol/api.ts";
import { address } from "./location.ts";
import { image } from "./session.ts";

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

/** The whole URL of what is on screen, pinned; with `change` of something beside it. */
export function permalink(change: Partial<Address> = {}): string {
  const now = address.peek();
  const target = { ...now, ...change, ...pinned(now, image.peek()) };
  return new URL(formatAddress(target), location.href).href;
}
