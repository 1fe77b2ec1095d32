/** All images that a reference names, one a platform, and all their SOCI indexes. @module */
import { ahead } from "../../js/ahead.js";
import { hasCode, unless } from "../../js/errors.js";
import { OcipeekError, type Source } from "../../js/index.js";
import { messageOf } from "../messages.js";
import { type Document, type Entry, isDigest, parseDocument, platformOfConfig } from "./documents.js";

/** Artifact type, and media type of the config, of an index of version 1. */
export const V1_INDEX = "application/vnd.amazon.soci.index.v1+json";
/** Media type of the config of an index of version 2. */
export const V2_INDEX = "application/vnd.amazon.soci.index.v2+json";
const ZTOC = "application/octet-stream";
const PREFETCH = "application/vnd.amazon.soci.prefetch.v1+json";
const INDEX_DIGEST = "com.amazon.soci.index-digest";
const IMAGE_MANIFEST_DIGEST = "com.amazon.soci.image-manifest-digest";
const LAYER_DIGEST = "com.amazon.soci.image-layer-digest";
const SPAN_SIZE = "com.amazon.soci.span-size";
const BUILD_TOOL = "com.amazon.soci.build-tool-identifier";
/** Platforms that are looked at at a time. */
const PARALLEL = 4;
/** Annotation of index entries that are no images: provenance, bills of materials. */
const NO_IMAGE = "vnd.docker.reference.type";

/** Where manifests are read. */
export type ManifestSource = Pick<Source, "name" | "manifest" | "blob" | "referrers">;

/** How a layer is compressed. */
export type Compression = "gzip" | "none" | "zstd" | "unknown";

/** A layer. */
export interface SurveyedLayer {
  digest: string;
  mediaType: string;
  size: number;
  compression: Compression;
}

/** A zTOC, or a prefetch artifact, in an index. */
export interface SurveyedBlob {
  digest: string;
  size: number;
  /** The layer that it is for. */
  layer: string;
  /** Where the index says it. */
  spanSize?: number;
}

/** A SOCI index of an image. */
export interface SurveyedIndex {
  digest: string;
  size: number;
  version: "v1" | "v2";
  buildTool?: string;
  ztocs: SurveyedBlob[];
  prefetch: SurveyedBlob[];
}

/** An index of an image. */
export interface Found {
  image: SurveyedImage;
  index: SurveyedIndex;
}

/** The image of one platform. */
export interface SurveyedImage {
  /** `os/arch[/variant]`, as containerd writes it: `linux/arm64` for `linux/arm64/v8`. */
  platform: string;
  /** Of its manifest. */
  digest: string;
  /** Size of its manifest. */
  size: number;
  mediaType: string;
  /** Sum of the layers' compressed sizes. */
  layerBytes: number;
  layers: SurveyedLayer[];
  /** In the order in which readers look: version 2, then version 1 as the registry lists them. */
  indexes: SurveyedIndex[];
  /** The digest of the version 2 index that it names and that is not there. */
  missing?: string;
  /** Why it is not known which indexes of version 1 are attached. */
  unlisted?: string;
}

/** Survey of all images that a reference names. */
export interface Survey {
  name: string;
  /** Of the index, or of the manifest where there is no index. */
  digest: string;
  mediaType: string;
  /** Whether it is an index. */
  isIndex: boolean;
  images: SurveyedImage[];
  /** Platforms whose manifests are not there, as in a layout that holds some of an image. */
  absent: string[];
}

/** Options of {@link survey}. */
export interface SurveyOptions {
  /** Only these: `linux/arm64`. */
  platforms?: readonly string[] | undefined;
  /** Whether to ask for indexes of version 1: a request or two for each platform. `try` goes on where there is no answer. */
  referrers?: boolean | "try";
  signal?: AbortSignal | undefined;
}

/** Looks at all images of what a source was opened with. */
export async function survey(source: ManifestSource, options: SurveyOptions = {}): Promise<Survey> {
  const { signal } = options;
  const { name } = source;
  const top = await source.manifest(undefined, { signal });
  const { digest, mediaType } = top;
  const document = parseDocument(top.bytes, digest);
  const candidates = document.manifests
    ? document.manifests.filter(isImage).map((entry) => ({ entry, document: undefined }))
    : [{ entry: await entryOfOne(source, top, document, signal), document }];
  const wanted = choose(candidates, options.platforms, name);
  const found: (SurveyedImage | Entry)[] = [];
  const look = async ({ entry, document: known }: Candidate): Promise<SurveyedImage | Entry> => {
    const manifest = known ?? (await manifestOf(source, entry.digest, signal));
    return manifest ? surveyOne(source, entry, manifest, options) : entry;
  };
  for await (const it of ahead(wanted, PARALLEL, look)) found.push(it);
  const images = found.filter((it): it is SurveyedImage => "indexes" in it);
  if (images.length === 0) throw new OcipeekError("NOT_FOUND", `${name}: no image of it is here`);
  const absent = found.flatMap((it) => ("indexes" in it ? [] : [it.platform ?? "unknown"]));
  return { name, digest, mediaType, isIndex: document.manifests !== undefined, images, absent };
}

/** Reads a SOCI index. */
async function parseIndex(bytes: Uint8Array, digest: string): Promise<SurveyedIndex & { subject?: string }> {
  const document = parseDocument(bytes, digest);
  const type = document.artifactType ?? document.config?.mediaType;
  if (type !== V1_INDEX && type !== V2_INDEX) {
    throw new OcipeekError("CORRUPT_MANIFEST", `${digest} is no SOCI index`, { digest });
  }
  const buildTool = document.annotations[BUILD_TOOL];
  return {
    digest,
    size: bytes.length,
    version: type === V1_INDEX ? "v1" : "v2",
    ...(buildTool === undefined ? {} : { buildTool }),
    ztocs: blobs(document, ZTOC),
    prefetch: blobs(document, PREFETCH),
    ...(document.subject ? { subject: document.subject.digest } : {}),
  };
}

function blobs({ layers }: Document, mediaType: string): SurveyedBlob[] {
  return layers.flatMap(({ mediaType: type, digest, size, annotations }) => {
    const layer = annotations[LAYER_DIGEST];
    if (type !== mediaType || layer === undefined || !isDigest(layer)) return [];
    const spanSize = Number(annotations[SPAN_SIZE] || Number.NaN);
    return [{ digest, size, layer, ...(Number.isSafeInteger(spanSize) ? { spanSize } : {}) }];
  });
}

/** Entries of an index that are images, as the reader takes them. */
function isImage({ artifactType, annotations }: Entry): boolean {
  return (
    artifactType === undefined &&
    annotations[NO_IMAGE] === undefined &&
    annotations[IMAGE_MANIFEST_DIGEST] === undefined
  );
}

interface Candidate {
  entry: Entry;
  document: Document | undefined;
}

function choose(all: Candidate[], platforms: readonly string[] | undefined, name: string): Candidate[] {
  if (!platforms || platforms.length === 0) return all;
  return platforms.map((wanted) => {
    const found = all.find(({ entry }) => entry.platform && normal(entry.platform) === normal(wanted));
    if (found) return found;
    const there = all.map(({ entry }) => (entry.platform ? normal(entry.platform) : "unknown")).join(", ");
    throw new OcipeekError("NOT_FOUND", `${name} has no image for ${wanted}; it has ${there}`);
  });
}

/** Other names of architectures. */
const ARCHITECTURES = new Map(
  Object.entries({ x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", i386: "386" }),
);
/** Variants that go without saying. */
const PLAIN = new Map(Object.entries({ arm64: "v8", amd64: "v1" }));

/** `linux/arm64/v8` is `linux/arm64`, as containerd takes it; other names of architectures likewise. */
function normal(platform: string): string {
  const [os = "", given = "", variant] = platform.toLowerCase().split("/");
  const architecture = ARCHITECTURES.get(given) ?? given;
  const kept = variant === undefined || variant === PLAIN.get(architecture) ? [] : [variant];
  const implied = architecture === "arm" && kept.length === 0 ? ["v7"] : kept;
  return [os, architecture, ...implied].join("/");
}

async function entryOfOne(
  source: ManifestSource,
  top: { bytes: Uint8Array; digest: string; mediaType: string },
  { config }: Document,
  signal: AbortSignal | undefined,
): Promise<Entry> {
  const { digest, mediaType, bytes } = top;
  const platform = config && platformOfConfig(await source.blob(config, { signal }), config.digest);
  return { digest, mediaType, size: bytes.length, annotations: {}, ...(platform ? { platform } : {}) };
}

async function surveyOne(
  source: ManifestSource,
  entry: Entry,
  document: Document,
  { signal, referrers = true }: SurveyOptions,
): Promise<SurveyedImage> {
  const layers = document.layers.map(({ digest, mediaType, size }) => {
    return { digest, mediaType, size, compression: compressionOf(mediaType) };
  });
  const image: SurveyedImage = {
    platform: entry.platform ? normal(entry.platform) : "unknown",
    digest: entry.digest,
    size: entry.size,
    mediaType: entry.mediaType,
    layerBytes: layers.reduce((sum, { size }) => sum + size, 0),
    layers,
    indexes: [],
  };
  const named = document.annotations[INDEX_DIGEST];
  if (named !== undefined) {
    const v2 = isDigest(named) ? await index(source, named, signal) : undefined;
    if (v2?.version === "v2") image.indexes.push(v2);
    else image.missing = named;
  }
  try {
    if (referrers) image.indexes.push(...(await referringIndexes(source, entry.digest, signal)));
  } catch (error) {
    if (referrers !== "try" || !(error instanceof OcipeekError) || hasCode(error, "ABORTED")) throw error;
    image.unlisted = messageOf(error);
  }
  return image;
}

/**
 * The indexes of version 1 that refer to an image manifest, in the order of the registry. Whoever may write to it can list
 * anything: what is no index, or not this image's, is passed over.
 */
export async function referringIndexes(
  source: ManifestSource,
  image: string,
  signal: AbortSignal | undefined,
): Promise<SurveyedIndex[]> {
  const found: SurveyedIndex[] = [];
  for (const { digest, artifactType } of await source.referrers(image, V1_INDEX, { signal })) {
    if (artifactType !== V1_INDEX) continue;
    const manifest = await unless(source.manifest(digest, { signal }), "NOT_FOUND");
    const parsed = manifest && (await unless(parseIndex(manifest.bytes, digest), "CORRUPT_MANIFEST"));
    if (parsed?.version !== "v1" || parsed.subject !== image) continue;
    const { subject: _, ...v1 } = parsed;
    found.push(v1);
  }
  return found;
}

async function index(
  source: ManifestSource,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<SurveyedIndex | undefined> {
  const found = await unless(source.manifest(digest, { signal }), "NOT_FOUND");
  if (!found) return undefined;
  const { subject: _, ...rest } = await parseIndex(found.bytes, digest);
  return rest;
}

async function manifestOf(
  source: ManifestSource,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<Document | undefined> {
  const found = await unless(source.manifest(digest, { signal }), "NOT_FOUND");
  const document = found && parseDocument(found.bytes, digest);
  if (document?.manifests) {
    throw new OcipeekError("UNSUPPORTED", `${digest}: an index within an index`, { digest });
  }
  return document;
}

const OCI_LAYER = /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(gzip|zstd))?$/;
const DOCKER_LAYER = /^application\/vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar\.(gzip|zstd)$/;

/** By its media type. Docker's plain `diff.tar` tells nothing: some tools write it for compressed layers. */
export function compressionOf(mediaType: string): Compression {
  const type = (mediaType.split(";")[0] ?? "").trim().toLowerCase();
  const oci = OCI_LAYER.exec(type);
  if (oci) return (oci[1] as Compression | undefined) ?? "none";
  return (DOCKER_LAYER.exec(type)?.[1] as Compression | undefined) ?? "unknown";
}
