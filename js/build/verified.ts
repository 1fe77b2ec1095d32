/** The types of {@link verifyIndex}. @module */
import type { IndexOptions } from "../types/build.js";

/** Options of {@link verifyIndex}. */
export interface VerifyOptions
  extends Pick<
    IndexOptions,
    "platforms" | "parallel" | "limits" | "store" | "signal" | "onProgress" | "cache"
  > {
  /** The digest of the index to verify, in place of the one that a reader would take. */
  sociIndex?: string | undefined;
}

/** One thing that a zTOC says otherwise than its layer does. */
export interface ZtocDifference {
  /**
   * The field, by the name that the zTOC's format has for it (`linkname`, `mode`, `in`, `span_digests` …); `entry` for one too
   * many or too few, `order` where they are not in the tar's, `window` for the bytes before a checkpoint. `span-size` and
   * `disable-xattrs` are what the index itself says of the layer.
   */
  field: string;
  /** The name of the entry that it is about, as the tar has it. */
  entry?: string;
  /** The number of the checkpoint, or span, that it is about. */
  checkpoint?: number;
  /** What the zTOC says. */
  stated: string;
  /** What the layer says. */
  actual: string;
}

/**
 * What became of a layer:
 *
 * - `equal`: its zTOC is, byte for byte, what is built of the layer,
 * - `same-meaning`: other bytes, which say the same,
 * - `different`: it says something else,
 * - `broken`: it is not there, or is no zTOC; {@link VerifiedLayer.reason} says why,
 * - `unsupported`: no zTOC can be built of the layer, so that there is nothing to compare with,
 * - `no-ztoc`: the index does not cover it.
 */
export type VerifyOutcome = "equal" | "same-meaning" | "different" | "broken" | "unsupported" | "no-ztoc";

/** One layer. */
export interface VerifiedLayer {
  /** Position in the image, 0 the lowest. */
  index: number;
  digest: string;
  mediaType: string;
  /** Compressed size in bytes. */
  size: number;
  outcome: VerifyOutcome;
  reason?: string;
  /** Its zTOC; what it says of itself where it could be read. */
  ztoc?: { digest: string; size: number; spanSize?: number; buildTool?: string };
  /** The first hundred differences. */
  differences: ZtocDifference[];
  /** How many there are. */
  differenceCount: number;
}

/** The image of one platform. */
export interface VerifiedImage {
  platform: string;
  /** Of the image manifest. */
  digest: string;
  /** The index that was verified: of version 2, which the image names, or 1, which is attached to it. */
  index?: { digest: string; version: "v1" | "v2"; buildTool?: string };
  /** The digest of an index that the image names and that is not there. */
  missing?: string;
  layers: VerifiedLayer[];
  /** Whether there is an index, and all that it says is so. */
  verified: boolean;
}

/** Report of {@link verifyIndex}. */
export interface VerifyReport {
  images: VerifiedImage[];
  /** With all platforms asked for: those whose manifests are not here, as in a layout that holds some of an image. */
  absent: string[];
  /** Whether all of them are verified. */
  verified: boolean;
}
