/** SOCI indexes of images, and images that carry theirs. @module */
import { convertImage as convertInWasm, sociIndex } from "../../wasm/ocipeek_build.js";
import { defined } from "../common/defined.js";
import { calling, OcipeekError, unless } from "../errors.js";
import type { Source } from "../image/source.js";
import { blobOf } from "../push/content.js";
import type {
  Converted,
  IndexOptions,
  LayerResult,
  PlatformArtifacts,
  SociArtifacts,
} from "../types/build.js";
import type { Blob as Content } from "../types/content.js";
import { type Chosen, chooseImages, type PlatformImage, parse } from "./images.js";
import { type IndexedLayers, indexLayers, type LayerZtoc, type Settings, settings } from "./layers.js";
import { buildReady } from "./runtime.js";

const V2_INDEX = "application/vnd.amazon.soci.index.v2+json";

/**
 * Builds SOCI indexes of version 1 of an image: one for each platform, with the image manifest as its subject. Nothing is
 * written; {@link pushArtifacts} does that.
 *
 * `reference`: a tag or digest; what the source was opened with where it is undefined.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 * import { createIndex } from "ocipeek/build";
 *
 * const source = await openSource("ghcr.io/owner/app:1");
 * const artifacts = await createIndex(source, undefined, { minLayerSize: 0 });
 * for (const { outcome, size } of artifacts.images[0].layers) console.log(outcome, size);
 * await artifacts.close();
 * ```
 *
 * @throws {@link OcipeekError} `UNSUPPORTED` where no layer gets a zTOC; `NOT_FOUND` where there is no image for a
 * platform; those of {@link buildZtoc}.
 */
export async function createIndex(
  source: Source,
  reference?: string | undefined,
  options: IndexOptions = {},
): Promise<SociArtifacts> {
  return indexing(source, reference, options, "v1", async (_chosen, { images, close }) => {
    return { version: "v1", images, close };
  });
}

/**
 * Adds SOCI indexes of version 2 to an image. The new image has the same layers and configs; its manifests name their
 * indexes, and its OCI index lists them. Docker's media types become OCI's. Nothing is written; {@link pushArtifacts}
 * does that.
 *
 * `reference` and errors as for {@link createIndex}.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 * import { convertImage, pushArtifacts } from "ocipeek/build";
 * import { registryDestination } from "ocipeek/push";
 *
 * const source = await openSource("oci:./layout:latest");
 * const image = await convertImage(source, undefined, { minLayerSize: 0 });
 * const destination = await registryDestination("ghcr.io/owner/lazy");
 * await pushArtifacts(source, image, destination, { tag: "1-soci" });
 * await image.close();
 * ```
 */
export async function convertImage(
  source: Source,
  reference?: string | undefined,
  options: IndexOptions = {},
): Promise<Converted> {
  return indexing(source, reference, options, "v2", async (chosen, { images: artifacts, close }, set) => {
    const manifests = new Map(chosen.images.map(({ manifest }) => [manifest.digest, manifest]));
    for (const { digest, mediaType, artifactType } of chosen.index?.manifests ?? []) {
      if (artifactType === V2_INDEX || manifests.has(digest)) continue;
      const manifest = await unless(source.manifest(digest, set), "NOT_FOUND");
      if (manifest) manifests.set(digest, { ...manifest, mediaType });
    }
    const soci = chosen.images.flatMap(({ manifest, stated: platform }, i) => {
      const index = artifacts[i]?.index;
      if (!index) return [];
      return [{ imageManifest: manifest.digest, digest: index.digest, size: index.bytes.length, platform }];
    });
    const only = chosen.index ? undefined : chosen.images[0]?.platform;
    // Indexes in the index stay as they are.
    const images = [...manifests.values()].filter((it) => parse(it, set).kind === "image");
    const converted = calling(() => convertInWasm(chosen.root, only, images, soci, { limits: set.limits }));
    return { version: "v2", ...converted, images: artifacts, close };
  });
}

/** Chooses the images, indexes their layers, and gives `make` the indexes; where that fails, what they hold is given up. */
async function indexing<T>(
  source: Source,
  reference: string | undefined,
  options: IndexOptions,
  version: "v1" | "v2",
  make: (chosen: Chosen, made: Pick<SociArtifacts, "images" | "close">, set: Settings) => Promise<T>,
): Promise<T> {
  await buildReady();
  const set = settings(options);
  const chosen = await chooseImages(source, reference, set);
  const indexed = await indexLayers(source, chosen.images, set);
  try {
    const images = await Promise.all(chosen.images.map((image) => artifactsOf(image, version, indexed, set)));
    checkAny(source, images, set);
    return await make(chosen, { images, close: indexed.close }, set);
  } catch (error) {
    await indexed.close();
    throw error;
  }
}

/** One platform's index, of the zTOCs of its layers. */
async function artifactsOf(
  image: PlatformImage,
  version: "v1" | "v2",
  { layers }: IndexedLayers,
  options: Settings,
): Promise<PlatformArtifacts> {
  const { spanSize, buildTool, optimizeXattrs = false, annotateSpanSize = true } = options;
  const results: LayerResult[] = [];
  const ztocs = new Map<string, LayerZtoc>();
  const listed: Parameters<typeof sociIndex>[0]["layers"] = [];
  for (const [index, { digest, mediaType, size }] of image.doc.layers.entries()) {
    const { outcome, reason, ztoc } = layers.get(digest) ?? { outcome: "unsupported" };
    const blob = ztoc?.blob;
    const made = ztoc && blob && { digest: blob.digest, size: blob.size, spans: ztoc.spans };
    results.push({ index, digest, mediaType, size, outcome, ...defined({ reason, ztoc: made }) });
    if (!ztoc || !blob) continue;
    ztocs.set(digest, ztoc);
    const disableXattrs = optimizeXattrs && !ztoc.needsXattrs;
    const stated = { digest: blob.digest, size: blob.size, ...(annotateSpanSize ? { spanSize } : {}) };
    listed.push({ layer: { mediaType, digest, size }, ...stated, disableXattrs });
  }
  const { spans, missing } = prefetch(image, ztocs, options.prefetchFiles);
  const subject = image.descriptor;
  const platform = image.platform.name;
  const base = { platform, subject, layers: results, prefetchMissing: missing };
  if (listed.length === 0) return { ...base, index: undefined, ztocs: [], prefetch: [] };
  const input = { buildTool, layers: listed, prefetch: spans, ...(version === "v1" ? { subject } : {}) };
  const made = calling(() => sociIndex(input));
  const blobs = new Map([...ztocs.values()].map(({ blob }) => [blob.digest, blob]));
  return {
    ...base,
    index: made.index,
    ztocs: [...blobs.values()],
    prefetch: await Promise.all(made.prefetch.map(({ bytes }) => blobOf(bytes))),
  };
}

/** The spans of each layer that hold files to prefetch: of each file, those of the highest layer that has it. */
function prefetch(
  image: PlatformImage,
  ztocs: ReadonlyMap<string, LayerZtoc>,
  files: readonly string[],
): { spans: { layer: string; spans: (readonly [number, number])[] }[]; missing: string[] } {
  const digests = [...new Set(image.doc.layers.map((it) => it.digest))];
  const spans = new Map<string, (readonly [number, number])[]>();
  const missing: string[] = [];
  for (const path of files) {
    const layer = digests.findLast((digest) => ztocs.get(digest)?.prefetch.has(path));
    const found = layer === undefined ? undefined : ztocs.get(layer)?.prefetch.get(path);
    if (layer === undefined || !found) missing.push(path);
    else spans.set(layer, [...(spans.get(layer) ?? []), found]);
  }
  const inOrder = digests.filter((digest) => spans.has(digest));
  return { spans: inOrder.map((layer) => ({ layer, spans: spans.get(layer) ?? [] })), missing };
}

function checkAny(source: Source, artifacts: readonly PlatformArtifacts[], { minLayerSize }: Settings): void {
  if (artifacts.some((it) => it.index)) return;
  const layers = artifacts.flatMap((it) => it.layers);
  const small = layers.filter((it) => it.outcome === "too-small");
  const others = layers.filter((it) => it.outcome !== "too-small").map((it) => it.reason ?? it.outcome);
  const why = [...new Set(others)].slice(0, 4);
  if (small.length > 0) {
    const largest = `the largest of them has ${Math.max(...small.map((it) => it.size))}`;
    const minimum = `the minimum of ${minLayerSize} bytes`;
    why.push(`${small.length} of ${layers.length} layers are smaller than ${minimum}, ${largest}`);
  }
  const reasons = why.join("; ") || "the image has no layers";
  const message = `${source.name}: no layer got a zTOC, so there is no SOCI index to make: ${reasons}`;
  throw new OcipeekError("UNSUPPORTED", message, { reference: source.name });
}

/** All blobs of the artifacts: zTOCs and prefetch artifacts, each once. */
export function artifactBlobs(images: readonly PlatformArtifacts[]): Content[] {
  const all = images.flatMap((it) => [...it.ztocs, ...it.prefetch]);
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()];
}
