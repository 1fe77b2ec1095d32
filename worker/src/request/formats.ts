/** Lazy formats other than SOCI: what reads an image, and what there is to vouch for it. @module */

import type { Image, Stats, Verification } from "ocipeek";
import { HttpError } from "../errors.ts";

/** Whether a digest vouches for all that is answered, up from the one that the URL names or the tag was resolved to. */
export function isVerified({ metadata, content, index }: Verification): boolean {
  const weak = (check: string): boolean => check === "none" || check === "crc";
  return !weak(metadata) && !weak(content) && index !== "attached";
}

/**
 * What an ETag says of an answer that no digest vouches for. One that an attached index vouches for: which index it is, as
 * another one may show other names and contents of the same layers. One that was not verified: that, so that nobody who has
 * it is told later that it is what was verified. Empty for all other answers: those are alike whoever vouches for them.
 */
export function weakMark({ soci, digest }: Image, verified: Verification): string {
  if (verified.index === "attached") return `attached ${soci?.digest ?? digest}`;
  return isVerified(verified) ? "" : "unverified";
}

/** Readers of the layer that a path is in, or where no layer lists it, of all of them: `soci`, `estargz, plain`. */
export function readerText({ layers }: Image, stats: Pick<Stats, "layer">): string {
  const one = layers[stats.layer];
  if (one) return one.reader.name;
  return [...new Set(layers.map(({ reader }) => reader.name))].join(", ");
}

/** A digest of the layer that a path is in; nothing where the format tells of none. */
export function layerOf(image: Image, stats: Pick<Stats, "layer">): string | undefined {
  return image.isMerged ? undefined : image.layers[stats.layer]?.digest;
}

/** The image has no trees of single layers. */
export function noLayers({ layers }: Image): HttpError {
  const why = `the image's format, ${layers[0]?.read}, makes one tree of its layers`;
  return new HttpError("NOT_FOUND", `${why}; leave out the parameter layer`);
}
