/** Contents of the registry at a push: an image to index, or something to leave alone. @module */
import type { Destination, Manifest } from "ocipeek/push";
import { parsed, textOf } from "../../../js/common/json.ts";
import { list, object, text } from "./json.ts";
import type { Skipped } from "./outcome.ts";

const V1_INDEX = "application/vnd.amazon.soci.index.v1+json";
const V2_INDEX = "application/vnd.amazon.soci.index.v2+json";
const INDEX_DIGEST = "com.amazon.soci.index-digest";

const IMAGE_CONFIGS = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);
const INDEXES = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
/** Layers of files; those that may not be distributed among them. */
const LAYER = /^application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.)/;

/** More than any image has. */
const MAX_IMAGES = 128;

/** A layer as a manifest names it. */
export interface Layer {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

/** One platform's image. */
export interface ImageDoc {
  readonly digest: string;
  /** `os/arch[/variant]` as an index says it. */
  readonly platform: string | undefined;
  readonly config: string;
  readonly layers: readonly Layer[];
  /** Whether it names a SOCI index of v2. */
  readonly namesIndex: boolean;
}

/** An image, or why there is none to index. */
export type Found = { readonly digest: string; readonly images: readonly ImageDoc[] } | Skipped;

/** Manifest to look for. */
export interface Wanted {
  /** Tag or digest. */
  readonly reference: string;
  /** What a tag was pushed with, where that is known. */
  readonly digest: string | undefined;
  /** Milliseconds to wait for a tag, in turn. */
  readonly waits: readonly number[];
}

/** Looks at what a reference names. */
export async function find(repository: Destination, wanted: Wanted, signal: AbortSignal): Promise<Found> {
  const manifest = await settled(repository, wanted, signal);
  if (!manifest) return "gone";
  const doc = docOf(manifest);
  if (!INDEXES.has(manifest.mediaType)) {
    const image = imageIn(doc, manifest.digest);
    if (typeof image === "string") return image;
    return image.namesIndex ? "soci" : { digest: manifest.digest, images: [image] };
  }
  // What is listed here was converted.
  if (entriesOf(doc).some((entry) => text(entry, "artifactType") === V2_INDEX)) return "soci";
  const images = await imagesOf(repository, doc, signal);
  if (images.length === 0) return "not-an-image";
  return images.some(({ namesIndex }) => namesIndex) ? "soci" : { digest: manifest.digest, images };
}

/**
 * What a tag names once its push is over: Distribution tells of a manifest before it writes the tag. One that names
 * something else for longer has moved on.
 */
async function settled(
  repository: Destination,
  { reference, digest, waits }: Wanted,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  for (let tries = 0; ; tries++) {
    const manifest = await repository.getManifest(reference, { signal });
    const wait = waits[tries];
    if ((manifest && manifest.digest === (digest ?? manifest.digest)) || wait === undefined) return manifest;
    await new Promise((resolve) => setTimeout(resolve, wait));
    signal.throwIfAborted();
  }
}

/** Images that are for one of the platforms; one that is alone is. */
export function forPlatforms(
  images: readonly ImageDoc[],
  platforms: readonly string[] | undefined,
): readonly ImageDoc[] {
  if (!platforms) return images;
  return images.filter(
    ({ platform }) => !platform || platforms.some((it) => `${platform}/`.startsWith(`${it}/`)),
  );
}

/** An image, and the digests of the SOCI indexes of v1 that refer to it. */
export interface Attached {
  readonly image: ImageDoc;
  readonly indexes: readonly string[];
}

/** What is attached to each of the images. Anybody who may push can have attached it. */
export async function attachedTo(
  repository: Destination,
  images: readonly ImageDoc[],
  signal: AbortSignal,
): Promise<Attached[]> {
  const found: Attached[] = [];
  for (const image of images) {
    const referrers = await repository.referrers(image.digest, V1_INDEX, { signal });
    found.push({ image, indexes: referrers.map(({ digest }) => digest) });
  }
  return found;
}

/** Whether a tag names an image that was converted of these: with their configurations and layers, and an index. */
export async function isConverted(
  repository: Destination,
  tag: string,
  images: readonly ImageDoc[],
  signal: AbortSignal,
): Promise<boolean> {
  const manifest = await repository.getManifest(tag, { signal });
  if (!manifest || !INDEXES.has(manifest.mediaType)) return false;
  const found = await imagesOf(repository, docOf(manifest), signal);
  const converted = new Set(found.map(contentOf));
  return (
    found.some(({ namesIndex }) => namesIndex) && images.every((image) => converted.has(contentOf(image)))
  );
}

/** What an image is made of, however its manifest writes it. */
function contentOf({ config, layers }: ImageDoc): string {
  return [config, ...layers.map(({ digest }) => digest)].join(" ");
}

/** The images that an index lists. */
async function imagesOf(
  repository: Destination,
  index: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<ImageDoc[]> {
  const images: ImageDoc[] = [];
  for (const entry of entriesOf(index).slice(0, MAX_IMAGES)) {
    const digest = text(entry, "digest");
    const annotations = object(object(entry).annotations);
    // Attestations are listed beside the images that they are about.
    if (!digest || text(entry, "artifactType") || text(annotations, "vnd.docker.reference.type")) continue;
    const manifest = await repository.getManifest(digest, { signal });
    const image = manifest ? imageIn(docOf(manifest), digest, platformOf(entry)) : undefined;
    if (typeof image === "object") images.push(image);
  }
  return images;
}

/** The image that a manifest describes, or what it is instead. */
function imageIn(
  doc: Readonly<Record<string, unknown>>,
  digest: string,
  platform?: string,
): ImageDoc | Skipped {
  const config = object(doc.config);
  const types = [text(doc, "artifactType"), text(config, "mediaType")];
  if (types.includes(V1_INDEX) || types.includes(V2_INDEX)) return "soci";
  if (text(doc.subject, "digest") !== undefined) return "referrer";
  const layers = (list(doc, "layers") ?? []).flatMap(layerOf);
  const name = text(config, "digest");
  const isImage =
    IMAGE_CONFIGS.has(text(config, "mediaType") ?? "") && text(doc, "artifactType") === undefined;
  if (!isImage || name === undefined || !layers.some(({ mediaType }) => LAYER.test(mediaType))) {
    return "not-an-image";
  }
  const namesIndex = text(doc.annotations, INDEX_DIGEST) !== undefined;
  return { digest, platform, config: name, layers, namesIndex };
}

function layerOf(value: unknown): Layer[] {
  const digest = text(value, "digest");
  const mediaType = text(value, "mediaType");
  const { size } = object(value);
  return digest && mediaType && typeof size === "number" ? [{ digest, mediaType, size }] : [];
}

function platformOf(entry: unknown): string | undefined {
  const { os, architecture, variant } = object(object(entry).platform);
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return [os, architecture, textOf(variant)].filter((it) => it !== undefined).join("/");
}

function entriesOf(doc: Readonly<Record<string, unknown>>): readonly unknown[] {
  return list(doc, "manifests") ?? [];
}

function docOf(manifest: Manifest): Readonly<Record<string, unknown>> {
  return object(parsed(manifest.bytes));
}
