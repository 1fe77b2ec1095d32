/** SOCI indexes that the source has of an image. @module */
import { readSociIndex } from "../../wasm/ocipeek_build.js";
import { calling, hasCode, OcipeekError } from "../errors.js";
import type { Source } from "../image/source.js";
import type { IndexOptions } from "../types/build.js";
import type { PlatformImage } from "./images.js";

const V1_INDEX = "application/vnd.amazon.soci.index.v1+json";
const INDEX_DIGEST = "com.amazon.soci.index-digest";
/** Indexes that are looked into; whoever may write to a repository can attach many. */
const MAX_INDEXES = 16;

/** zTOCs of one layer that are looked into. */
const MAX_ZTOCS = 4;

type Options = Pick<IndexOptions, "signal" | "limits">;

/** A zTOC as an index names it. */
export interface Existing {
  digest: string;
  size: number;
}

/** Entry of an index for one layer. */
export interface ListedZtoc extends Existing {
  layer: string;
  spanSize: number | undefined;
  disableXattrs: boolean;
}

/** A SOCI index. */
export interface FoundIndex {
  digest: string;
  version: "v1" | "v2";
  buildTool: string | undefined;
  ztocs: ListedZtoc[];
  /** The image manifest that it was attached to. */
  subject: string | undefined;
}

/** The index of version 2 that an image names, whose digest the image's own vouches for. */
export function ownIndexDigest(image: PlatformImage): string | undefined {
  return image.doc.annotations[INDEX_DIGEST];
}

/** The indexes of version 1 that are attached to an image, in the registry's order; what is none of it is passed over. */
export async function attachedIndexes(
  source: Source,
  image: PlatformImage,
  options: Options,
): Promise<FoundIndex[]> {
  const listed = await source.referrers(image.manifest.digest, V1_INDEX, options);
  const found: FoundIndex[] = [];
  for (const { digest, artifactType } of listed.slice(0, MAX_INDEXES)) {
    if (artifactType !== V1_INDEX) continue;
    const index = await readIndex(source, digest, options).catch(ignored);
    if (index?.version === "v1" && index.subject === image.manifest.digest) found.push(index);
  }
  return found;
}

/** Reads an index. */
export async function readIndex(source: Source, digest: string, options: Options): Promise<FoundIndex> {
  const { bytes } = await source.manifest(digest, options);
  const { version, buildTool, subject, layers } = calling(() =>
    readSociIndex(bytes, { limits: options.limits }),
  );
  const ztocs = layers.map(({ layerDigest: layer, ztoc, spanSize, disableXattrs }) => {
    return { layer, digest: ztoc.digest, size: ztoc.size, spanSize, disableXattrs };
  });
  return { digest, version, buildTool, ztocs, subject };
}

/**
 * The zTOCs that an image's own index has of its layers, with this span size and build tool, by the digests of the layers.
 * The image vouches for them. What is merely attached may be anybody's and is built anew: that also tells whether it is right.
 */
export async function ownZtocs(
  source: Source,
  image: PlatformImage,
  options: Required<Pick<IndexOptions, "spanSize" | "buildTool">> & Options,
): Promise<Map<string, Existing[]>> {
  const found = new Map<string, Existing[]>();
  const own = ownIndexDigest(image);
  const index = own === undefined ? undefined : await readIndex(source, own, options).catch(ignored);
  if (!index || index.buildTool !== options.buildTool) return found;
  for (const { layer, digest, size, spanSize } of index.ztocs) {
    // Older builders do not say the span size: the zTOC itself does.
    if (spanSize !== undefined && spanSize !== options.spanSize) continue;
    const known = found.get(layer) ?? [];
    if (known.length >= MAX_ZTOCS || known.some((it) => it.digest === digest)) continue;
    found.set(layer, [...known, { digest, size }]);
  }
  return found;
}

/** Nothing; but what stands in the way of building too is thrown. */
export function ignored(error: unknown): undefined {
  const isInTheWay = hasCode(error, "ABORTED", "UNAUTHORIZED", "FORBIDDEN", "RATE_LIMITED", "NETWORK");
  if (isInTheWay || !(error instanceof OcipeekError)) throw error;
}
