/** Whether a SOCI index says of an image what its layers say. @module */
import { compareZtocs } from "../../wasm/ocipeek_build.js";
import { forEach } from "../ahead.js";
import { defined } from "../common/defined.js";
import { calling, hasCode, invalid, OcipeekError, unless } from "../errors.js";
import type { Source } from "../image/source.js";
import { inMemory } from "../push/content.js";
import { decode } from "../text.js";
import { timely } from "../timely-cache.js";
import { chooseImages, type PlatformImage } from "./images.js";
import { attachedIndexes, type FoundIndex, type ListedZtoc, ownIndexDigest, readIndex } from "./indexes.js";
import { keep } from "./kept.js";
import { BuildMeter } from "./progress.js";
import { openZtoc } from "./read-ztoc.js";
import { buildReady } from "./runtime.js";
import type {
  VerifiedImage,
  VerifiedLayer,
  VerifyOptions,
  VerifyReport,
  ZtocDifference,
} from "./verified.js";
import { runBuild } from "./ztoc.js";

/** Differences of one zTOC that are listed; all are counted. */
const TOLD = 100;
/** A zTOC is built with so many spans more than the one that it is compared with, until it is clear that it has more. */
const SPARE_SPANS = 256;

/**
 * Verifies SOCI indexes of an image: each layer that an index covers streams past once, its zTOC is built with the span size
 * and the build tool of the one that is there, and both are compared. Their bytes are the same where the index is right and
 * the reference made it as it does now; where only the bytes differ, their meaning is compared.
 *
 * Of each platform's image that index is taken which a reader would take: the one that the image names, else the first
 * that is attached to it; or the one that {@link VerifyOptions.sociIndex} names. What proves right is kept in the
 * {@link VerifyOptions.cache}: readers with that cache then read by it, and say `checked`.
 *
 * `reference`: a tag or digest; what the source was opened with where it is undefined.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 * import { verifyIndex } from "ocipeek/build";
 *
 * const source = await openSource("ghcr.io/owner/app:1");
 * const report = await verifyIndex(source);
 * console.log(report.verified); // true
 * ```
 *
 * @throws {@link OcipeekError} `NOT_FOUND` where there is no image for a platform, or not the index that is named;
 * `DIGEST_MISMATCH` where a layer is not the one that the image names; `NETWORK`, `ABORTED`, `LIMIT_EXCEEDED`.
 */
export async function verifyIndex(
  source: Source,
  reference?: string | undefined,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  await buildReady();
  const { parallel = 2 } = options;
  if (parallel !== 1 && parallel !== 2) throw invalid("parallel must be 1 or 2");
  const absent: string[] = [];
  const { images } = await chooseImages(source, reference, options, (platform) => absent.push(platform));
  const named =
    options.sociIndex === undefined ? undefined : await readIndex(source, options.sociIndex, options);
  const found: Target[] = [];
  for (const image of images) {
    if (named && !covers(named, image)) continue;
    found.push({ image, ...(named ? { index: named } : await indexOf(source, image, options)) });
  }
  if (named && found.length === 0) {
    const message = `the index ${named.digest} is for none of the images of ${source.name} that were chosen`;
    throw new OcipeekError("NOT_FOUND", message, { reference: source.name, digest: named.digest });
  }

  const jobs = new Map<string, Job>();
  for (const { image, index } of found) {
    for (const [at, layer] of image.doc.layers.entries()) {
      const ztoc = index && ztocOf(index, layer.digest);
      const key = ztoc && keyOf(ztoc);
      if (ztoc && key && !jobs.has(key)) jobs.set(key, { layer, at, ztoc });
    }
  }
  const total = [...jobs.values()].reduce((sum, { layer }) => sum + layer.size, 0);
  const meter = options.onProgress && new BuildMeter("layer", total, options.onProgress);
  const cache = options.cache && timely(options.cache, { ms: options.limits?.maxCacheMs, waits: true });
  const judged = new Map<string, Judged>();
  await forEach(jobs, parallel, options.signal, async ([key, job], signal) => {
    judged.set(key, await verify(source, job, { ...options, cache, signal }, meter));
  });
  await meter?.tell();
  const report = found.map((it) => reportOf(it, judged));
  return { images: report, absent, verified: report.length > 0 && report.every((it) => it.verified) };
}

/** An image and the index that is verified of it, or the digest of one that is not there. */
interface Target {
  image: PlatformImage;
  index?: FoundIndex | undefined;
  missing?: string;
}

/** A layer and the zTOC that is to be compared with it. */
interface Job {
  layer: { digest: string; size: number };
  /** The layer's position in an image. */
  at: number;
  ztoc: ListedZtoc;
}

type Judged = Pick<VerifiedLayer, "outcome" | "reason" | "differences" | "differenceCount" | "ztoc">;

function keyOf({ layer, digest, spanSize, disableXattrs }: ListedZtoc): string {
  return JSON.stringify([layer, digest, spanSize, disableXattrs]);
}

/** A layer's zTOC in an index; of several the last, as readers take it. */
function ztocOf({ ztocs }: FoundIndex, layer: string): ListedZtoc | undefined {
  return ztocs.findLast((it) => it.layer === layer);
}

/** Whether an index that the caller names may be this image's. */
function covers(index: FoundIndex, { manifest, doc }: PlatformImage): boolean {
  if (index.subject !== undefined) return index.subject === manifest.digest;
  return doc.layers.some(({ digest }) => ztocOf(index, digest));
}

/** The index by which a reader would read the image. */
async function indexOf(
  source: Source,
  image: PlatformImage,
  options: VerifyOptions,
): Promise<Omit<Target, "image">> {
  const own = ownIndexDigest(image);
  if (own === undefined) return { index: (await attachedIndexes(source, image, options))[0] };
  // What is attached does not stand in for it.
  const index = await unless(readIndex(source, own, options), "NOT_FOUND");
  return index ? { index } : { missing: own };
}

function reportOf({ image, index, missing }: Target, judged: ReadonlyMap<string, Judged>): VerifiedImage {
  const layers = image.doc.layers.map(({ digest, mediaType, size }, at): VerifiedLayer => {
    const ztoc = index && ztocOf(index, digest);
    return { index: at, digest, mediaType, size, ...((ztoc && judged.get(keyOf(ztoc))) ?? judge("no-ztoc")) };
  });
  const covered = layers.filter(({ outcome }) => outcome !== "no-ztoc");
  const right = covered.every(({ outcome }) => outcome === "equal" || outcome === "same-meaning");
  const { digest } = image.manifest;
  const of = index && {
    digest: index.digest,
    version: index.version,
    ...defined({ buildTool: index.buildTool }),
  };
  const verified = covered.length > 0 && right;
  return { platform: image.platform.name, digest, ...defined({ index: of, missing }), layers, verified };
}

function judge(outcome: Judged["outcome"], more: Pick<Judged, "reason" | "ztoc"> = {}): Judged {
  return { outcome, ...more, differences: [], differenceCount: 0 };
}

/** Streams one layer past and compares. */
async function verify(
  source: Source,
  { layer, at: index, ztoc }: Job,
  options: VerifyOptions & { signal: AbortSignal },
  meter: BuildMeter | undefined,
): Promise<Judged> {
  const { signal, limits, cache } = options;
  const { digest, size } = layer;
  const skipped = (judged: Judged): Judged => {
    meter?.skip(index, layer);
    return judged;
  };
  let stated: Uint8Array<ArrayBuffer>;
  let facts: { layerSize: number; spanSize: number; buildTool: string; spans: number };
  try {
    stated = await source.blob(ztoc, { signal });
    const view = await openZtoc(stated, limits);
    facts = view.facts();
    view.free();
  } catch (error) {
    return skipped(broken(error, ztoc));
  }
  const { spanSize, buildTool, spans } = facts;
  const about = { digest: ztoc.digest, size: ztoc.size, spanSize, buildTool };
  const differences: ZtocDifference[] = [];
  if (ztoc.spanSize !== undefined && ztoc.spanSize !== spanSize) {
    differences.push({ field: "span-size", stated: String(ztoc.spanSize), actual: String(spanSize) });
  }
  const compare = (more: ZtocDifference[], count: number, outcome: "equal" | "same-meaning"): Judged => {
    const differenceCount = differences.length + count;
    const all = { differences: [...differences, ...more], differenceCount };
    return { outcome: differenceCount > 0 ? "different" : outcome, ztoc: about, ...all };
  };
  if (facts.layerSize !== size) {
    const field = "compressed_archive_size";
    return skipped(compare([{ field, stated: String(facts.layerSize), actual: String(size) }], 1, "equal"));
  }

  const open = (start: number) => source.blobStream(layer, { start, signal });
  const enough = Math.max(2 * spans, spans + SPARE_SPANS);
  const most = Math.min(limits?.maxSpans ?? Number.MAX_SAFE_INTEGER, enough);
  const hooks = { resume: open, ...(options.store ? { store: options.store() } : {}) };
  const wanted = { digest, size, index, spanSize, buildTool, signal, limits: { ...limits, maxSpans: most } };
  let built: Awaited<ReturnType<typeof runBuild>>;
  try {
    built = await runBuild(open(0), { ...wanted, ...hooks }, meter, true);
  } catch (error) {
    if (!(error instanceof OcipeekError)) throw error;
    if (error.limit === "maxSpans" && most !== limits?.maxSpans) {
      const more = { field: "max_span_id", stated: String(spans - 1), actual: `more than ${most}` };
      return compare([more], 1, "equal");
    }
    // The layer's digest was right, and no zTOC can be built of it.
    if (!hasCode(error, "UNSUPPORTED", "CORRUPT_LAYER")) throw error;
    return judge("unsupported", { reason: error.message, ztoc: about });
  }
  try {
    if (ztoc.disableXattrs && built.needsXattrs) {
      const actual = "entries have extended attributes";
      differences.push({ field: "disable-xattrs", stated: "true", actual });
    }
    const isSame = built.blob.digest === ztoc.digest;
    const { total, differences: more } = isSame
      ? { total: 0, differences: [] }
      : compared(stated, await built.bytes(), limits);
    const judged = compare(more, total, isSame ? "equal" : "same-meaning");
    if (judged.outcome !== "different") {
      await keep(cache, layer, inMemory(ztoc.digest, stated), isSame ? "checked" : "checked-meaning");
    }
    return judged;
  } finally {
    await built.close();
  }
}

function compared(
  stated: Uint8Array,
  built: Uint8Array,
  limits: Record<string, number> | undefined,
): { total: number; differences: ZtocDifference[] } {
  const { total, differences } = calling(() => compareZtocs(stated, built, { limits, told: TOLD }));
  const shown = differences.map(({ field, entry, checkpoint, stated, actual }) => {
    return { field, ...defined({ entry: entry && decode(entry), checkpoint }), stated, actual };
  });
  return { total, differences: shown };
}

/** A zTOC that is not there, or is none. */
function broken(error: unknown, { digest, size }: ListedZtoc): Judged {
  if (!hasCode(error, "NOT_FOUND", "DIGEST_MISMATCH", "CORRUPT_ZTOC", "UNSUPPORTED")) throw error;
  return judge("broken", { reason: error.message, ztoc: { digest, size } });
}
