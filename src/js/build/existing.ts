/** zTOCs that the source has already. @module */
import { readSociIndex } from "../../wasm/ocipeek_build.js";
import { fromWasm, OcipeekError } from "../errors.js";
import type { Source } from "../source.js";
import type { PlatformImage } from "./images.js";
import type { IndexOptions } from "./types.js";

const V1_INDEX = "application/vnd.amazon.soci.index.v1+json";
const INDEX_DIGEST = "com.amazon.soci.index-digest";
/** Indexes that are looked into; a repository may hold many. */
const MAX_INDEXES = 16;

/** zTOCs of one layer that are looked into. */
const MAX_ZTOCS = 4;

/** A zTOC as an index names it. */
export interface Existing {
  digest: string;
  size: number;
}

/**
 * The zTOCs of an image's indexes with this span size and build tool, by the digests of their layers. Those of version 2
 * are vouched for by the image itself. Those of version 1 can be attached by whoever may write to the repository, so
 * that only an index of version 1 takes them over.
 */
export async function existingZtocs(
  source: Source,
  image: PlatformImage,
  version: "v1" | "v2",
  options: Required<Pick<IndexOptions, "spanSize" | "buildTool">> & Pick<IndexOptions, "signal" | "limits">,
): Promise<Map<string, Existing[]>> {
  const digests: string[] = [];
  const own = image.doc.annotations[INDEX_DIGEST];
  if (own !== undefined) digests.push(own);
  if (version === "v1") {
    const listed = await orNothing(source.referrers(image.manifest.digest, V1_INDEX, options));
    digests.push(...(listed ?? []).map((it) => it.digest));
  }
  const found = new Map<string, Existing[]>();
  for (const digest of digests.slice(0, MAX_INDEXES)) {
    const manifest = await orNothing(source.manifest(digest, options));
    const index = manifest && parseIndex(manifest.bytes, options.limits);
    if (!index || index.buildTool !== options.buildTool) continue;
    for (const { layerDigest: layer, ztoc, spanSize } of index.layers) {
      // Older builders do not say the span size: the zTOC itself does.
      if (spanSize !== undefined && spanSize !== options.spanSize) continue;
      const known = found.get(layer) ?? [];
      if (known.length >= MAX_ZTOCS || known.some((it) => it.digest === ztoc.digest)) continue;
      found.set(layer, [...known, { digest: ztoc.digest, size: ztoc.size }]);
    }
  }
  return found;
}

function parseIndex(
  bytes: Uint8Array,
  limits: Record<string, number> | undefined,
): ReturnType<typeof readSociIndex> | undefined {
  try {
    return readSociIndex(bytes, { limits });
  } catch (error) {
    return ignored(fromWasm(error));
  }
}

/** What is not there, or is broken, is built anew. */
function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch(ignored);
}

/** Nothing; but what stands in the way of building too is thrown. */
export function ignored(error: unknown): undefined {
  const passes = ["ABORTED", "UNAUTHORIZED", "FORBIDDEN", "RATE_LIMITED", "NETWORK"];
  if (!(error instanceof OcipeekError) || passes.includes(error.code)) throw error;
}
