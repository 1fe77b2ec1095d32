/** Indexes the layers of images, each layer once. @module */
import type { RawDescriptor } from "../../wasm/ocipeek_build.js";
import { forEach } from "../ahead.js";
import { hasCode, invalid, type OcipeekError } from "../errors.js";
import type { Source } from "../image/source.js";
import { pathBytes } from "../path.js";
import { inMemory } from "../push/content.js";
import { timely } from "../timely-cache.js";
import {
  type BuiltZtoc,
  DEFAULT_BUILD_TOOL,
  DEFAULT_MIN_LAYER_SIZE,
  DEFAULT_SPAN_SIZE,
  type IndexOptions,
  type LayerOutcome,
  type LayerPacking,
} from "../types/build.js";
import type { Blob as Content } from "../types/content.js";
import type { PlatformImage } from "./images.js";
import { type Existing, ignored, ownZtocs } from "./indexes.js";
import { findKept, keep } from "./kept.js";
import { BuildMeter } from "./progress.js";
import { openZtoc } from "./read-ztoc.js";
import { sourceBlob } from "./source-blob.js";
import { pair, runBuild } from "./ztoc.js";

/** A zTOC that the source has is kept in memory up to this size; else it is fetched again when it is pushed. */
const KEPT = 8 << 20;

/** The options, with what holds where nothing is asked for. */
export type Settings = IndexOptions &
  Required<Pick<IndexOptions, "spanSize" | "minLayerSize" | "buildTool" | "prefetchFiles" | "parallel">>;

/** A layer's zTOC, and what the index says of it. */
export interface LayerZtoc {
  blob: Content;
  spans: number;
  needsXattrs: boolean;
  /** Spans of the files to prefetch that the layer has. */
  prefetch: Map<string, readonly [number, number]>;
}

/** Result of indexing a layer. */
export interface IndexedLayer {
  outcome: LayerOutcome;
  reason?: string;
  ztoc?: LayerZtoc;
}

/** All layers, by their digests. */
export interface IndexedLayers {
  layers: Map<string, IndexedLayer>;
  close(): Promise<void>;
}

/** Checks the options. */
export function settings(options: IndexOptions): Settings {
  const {
    spanSize = DEFAULT_SPAN_SIZE,
    minLayerSize = DEFAULT_MIN_LAYER_SIZE,
    buildTool = DEFAULT_BUILD_TOOL,
    prefetchFiles = [],
    parallel = 2,
  } = options;
  if (!Number.isSafeInteger(spanSize) || spanSize < 1)
    throw invalid("spanSize must be a whole number of bytes");
  if (!(minLayerSize >= 0)) throw invalid("minLayerSize must be a number of bytes");
  if (options.platforms?.length === 0) throw invalid("platforms must name one, or be `all`");
  if (parallel !== 1 && parallel !== 2) throw invalid("parallel must be 1 or 2");
  const cache = options.cache && timely(options.cache, { ms: options.limits?.maxCacheMs, waits: true });
  return { ...options, cache, spanSize, minLayerSize, buildTool, prefetchFiles, parallel };
}

interface Job {
  layer: RawDescriptor;
  index: number;
  compression: LayerPacking | undefined;
  existing: readonly Existing[];
}

/** Indexes all layers of the images. */
export async function indexLayers(
  source: Source,
  images: readonly PlatformImage[],
  options: Settings,
): Promise<IndexedLayers> {
  const layers = new Map<string, IndexedLayer>();
  const jobs: Job[] = [];
  for (const image of images) {
    const known = options.force ? undefined : await ownZtocs(source, image, options);
    for (const [index, layer] of image.doc.layers.entries()) {
      const job = jobs.find((it) => it.layer.digest === layer.digest);
      if (job?.existing.length === 0) job.existing = known?.get(layer.digest) ?? [];
      if (layers.has(layer.digest)) continue;
      const skipped = skip(layer, options);
      layers.set(layer.digest, skipped ?? { outcome: "indexed" });
      const compression = layer.packing === "gzip" || layer.packing === "none" ? layer.packing : undefined;
      if (!skipped) jobs.push({ layer, index, compression, existing: known?.get(layer.digest) ?? [] });
    }
  }
  const total = jobs.reduce((sum, { layer }) => sum + layer.size, 0);
  const meter = options.onProgress && new BuildMeter("layer", total, options.onProgress);
  const built: BuiltZtoc[] = [];
  const close = async (): Promise<void> => {
    for (const ztoc of built) await ztoc.close();
  };
  try {
    await forEach(jobs, options.parallel, options.signal, async (job, signal) => {
      layers.set(job.layer.digest, await indexLayer(source, job, { ...options, signal }, meter, built));
    });
  } catch (error) {
    await close();
    throw error;
  }
  await meter?.tell();
  return { layers, close };
}

/** The reference's order: the size is asked first, then the media type. */
function skip(layer: RawDescriptor, { minLayerSize }: Settings): IndexedLayer | undefined {
  if (layer.size < minLayerSize) {
    return { outcome: "too-small", reason: `it has ${layer.size} of at least ${minLayerSize} bytes` };
  }
  if (layer.packing === "zstd") return { outcome: "zstd", reason: "there are no zTOCs of zstd layers" };
  if (layer.packing === undefined) {
    return { outcome: "unsupported", reason: `${layer.mediaType} is not a layer of files` };
  }
  return undefined;
}

async function indexLayer(
  source: Source,
  { layer, index, compression, existing }: Job,
  options: Settings,
  meter: BuildMeter | undefined,
  built: BuiltZtoc[],
): Promise<IndexedLayer> {
  const { digest, size } = layer;
  const { signal, spanSize, buildTool, limits, store } = options;
  for await (const candidate of candidates(source, layer, existing, options)) {
    const reused = await reuse(candidate, layer, options);
    if (!reused) continue;
    const { entries, ztoc } = reused;
    meter?.skip(index, layer, { entries, spans: ztoc.spans });
    return { outcome: "reused", ztoc };
  }
  const open = (start: number) => source.blobStream(layer, { start, signal });
  const hooks = { resume: open, ...(store ? { store: store() } : {}) };
  try {
    const wanted = { compression, digest, size, index, spanSize, buildTool, limits, signal };
    const ztoc = await runBuild(open(0), { ...wanted, ...hooks }, meter, true);
    built.push(ztoc);
    const { blob, spans, needsXattrs } = ztoc;
    await keep(options.cache, layer, blob, "built");
    const prefetch = prefetchSpans(options.prefetchFiles, (path) => ztoc.spansOf(path));
    return { outcome: "indexed", ztoc: { blob, spans, needsXattrs, prefetch } };
  } catch (error) {
    if (!hasCode(error, "UNSUPPORTED")) throw error;
    meter?.skip(index, layer);
    return { outcome: isZstd(error) ? "zstd" : "unsupported", reason: error.message };
  }
}

/** A media type that does not tell, over zstd. */
function isZstd(error: OcipeekError): boolean {
  return error.remedies.some(({ kind }) => kind === "convert-to-chunked");
}

/** A zTOC that may be used again. */
interface Candidate {
  blob: Content;
  bytes: Uint8Array;
}

/**
 * zTOCs that somebody vouches for: the cache, which has only what was built here or compared with what was; and the image
 * itself.
 */
async function* candidates(
  source: Source,
  layer: RawDescriptor,
  existing: readonly Existing[],
  { cache, force, signal }: Settings,
): AsyncGenerator<Candidate, void, undefined> {
  const kept = force ? undefined : await findKept(cache, layer);
  if (kept) yield { blob: inMemory(kept.digest, kept.bytes), bytes: kept.bytes };
  for (const named of existing) {
    const bytes = await source.blob(named, { signal }).catch(ignored);
    if (!bytes) continue;
    yield { blob: named.size <= KEPT ? inMemory(named.digest, bytes) : sourceBlob(source, named), bytes };
  }
}

/** A zTOC that is there, if it is one of this layer as it would be built. */
async function reuse(
  { blob, bytes }: Candidate,
  layer: RawDescriptor,
  options: Settings,
): Promise<{ ztoc: LayerZtoc; entries: number } | undefined> {
  const { limits, spanSize, buildTool, prefetchFiles } = options;
  const view = await openZtoc(bytes, limits).catch(ignored);
  if (!view) return undefined;
  try {
    const facts = view.facts();
    if (facts.layerSize !== layer.size || facts.spanSize !== spanSize || facts.buildTool !== buildTool) {
      return undefined;
    }
    const prefetch = prefetchSpans(prefetchFiles, (path) => pair(view.spansOf(pathBytes(path))));
    const { spans, entries, needsXattrs } = facts;
    return { ztoc: { blob, spans, needsXattrs, prefetch }, entries };
  } finally {
    view.free();
  }
}

function prefetchSpans(
  files: readonly string[],
  spansOf: (path: string) => readonly [number, number] | undefined,
): LayerZtoc["prefetch"] {
  const found: LayerZtoc["prefetch"] = new Map();
  for (const path of files) {
    const spans = spansOf(path);
    if (spans) found.set(path, spans);
  }
  return found;
}
