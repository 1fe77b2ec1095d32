/** Which images of a source are to be indexed. @module */
import {
  askedPlatform,
  parsePlatform,
  platformOf,
  type RawDescriptor,
  type RawImage,
  type RawIndex,
  type RawPlatform,
  readManifest,
} from "../../wasm/ocipeek_build.js";
import { calling, OcipeekError, unless } from "../errors.js";
import type { Source } from "../image/source.js";
import type { IndexOptions } from "../types/build.js";
import type { Descriptor, Manifest } from "../types/content.js";
import { buildReady } from "./runtime.js";

/** One platform's image. */
export interface PlatformImage {
  manifest: Manifest;
  doc: RawImage;
  /** As an index names it, or as it is. */
  descriptor: Descriptor;
  platform: RawPlatform;
  /** The platform to state for its index: as the reference does it, what was asked for, or what the image's index says. */
  stated: RawPlatform;
}

/** An image, and which of its platforms are to be indexed. */
export interface Chosen {
  root: Manifest;
  /** Where the root is an index. */
  index: RawIndex | undefined;
  images: PlatformImage[];
}

type Options = Pick<IndexOptions, "platforms" | "signal" | "limits">;

/**
 * Finds the images to index. `onAbsent`: told of platforms whose manifests are not there, as in a layout that holds some of
 * an image; without it they are an error.
 */
export async function chooseImages(
  source: Source,
  reference: string | undefined,
  options: Options,
  onAbsent?: (platform: string) => void,
): Promise<Chosen> {
  const { architecture = "amd64" } = await buildReady();
  const root = await source.manifest(reference, options);
  const doc = parse(root, options);
  if (doc.kind === "image") {
    const image = await imageOf(source, root, doc, undefined, options);
    checkPlatform(source, image, options);
    const [asked] = options.platforms === "all" ? [] : (options.platforms ?? []);
    const stated = asked === undefined ? image.stated : platformNamed(asked, askedPlatform);
    return { root, index: undefined, images: [{ ...image, stated }] };
  }
  const wanted = options.platforms ?? [`linux/${architecture === "arm64" ? "arm64/v8" : architecture}`];
  const images: PlatformImage[] = [];
  const listed = doc.manifests.filter((it) => it.isImage);
  const named = await Promise.all(listed.map((it) => withPlatform(source, it, options)));
  // As everywhere: without a platform asked for, this machine's, else the only one.
  const isOnly =
    options.platforms === undefined &&
    new Set(listed.map(({ digest }) => digest)).size === 1 &&
    !named.some((it) => same(it.platform, platformNamed(wanted[0] ?? "")));
  for (const want of wanted === "all" || isOnly ? ["all"] : wanted) {
    const platform = want === "all" ? undefined : platformNamed(want);
    const found = named.filter((it) => platform === undefined || same(it.platform, platform));
    // Of several for one platform the first is the image, as everywhere.
    const taken = platform === undefined ? firstOfEach(found) : found.slice(0, 1);
    if (taken.length === 0) throw missing(source, want, named);
    for (const { descriptor, platform: its } of taken) {
      const stated = want === "all" ? (descriptor.statedPlatform ?? its) : platformNamed(want, askedPlatform);
      if (images.some((it) => it.manifest.digest === descriptor.digest)) continue;
      const found = source.manifest(descriptor.digest, options);
      const manifest = want === "all" && onAbsent ? await unless(found, "NOT_FOUND") : await found;
      if (!manifest) {
        onAbsent?.(its.name);
        continue;
      }
      const own = { ...manifest, mediaType: descriptor.mediaType };
      const known = { descriptor, platform: its, stated };
      images.push(await imageOf(source, own, parse(own, options), known, options));
    }
  }
  return { root, index: doc, images };
}

/** Reads a manifest. */
export function parse(manifest: Manifest, { limits }: Pick<Options, "limits">): RawImage | RawIndex {
  return calling(() => readManifest(manifest.bytes, manifest.mediaType, { limits }));
}

/** A descriptor with what the specification has. */
export function plain({ mediaType, digest, size, artifactType }: RawDescriptor): Descriptor {
  return { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }) };
}

async function imageOf(
  source: Source,
  manifest: Manifest,
  doc: RawImage | RawIndex,
  known: { descriptor: RawDescriptor; platform: RawPlatform; stated: RawPlatform } | undefined,
  options: Options,
): Promise<PlatformImage> {
  if (doc.kind !== "image" || !(doc.isImage || known)) {
    const message = `${source.name}: it is no image but an artifact`;
    throw new OcipeekError("UNSUPPORTED", message, { digest: manifest.digest });
  }
  const { mediaType, digest, bytes } = manifest;
  const descriptor = known ? plain(known.descriptor) : { mediaType, digest, size: bytes.length };
  const platform = known?.platform ?? (await configPlatform(source, doc, options));
  return { manifest, doc, descriptor, platform, stated: known?.stated ?? platform };
}

async function configPlatform(source: Source, doc: RawImage, options: Options): Promise<RawPlatform> {
  const config = await source.blob(doc.config, options);
  return calling(() => platformOf(config, { limits: options.limits }));
}

/** An index's entry with its platform, which some indexes leave to the config. */
async function withPlatform(
  source: Source,
  descriptor: RawDescriptor,
  options: Options,
): Promise<{ descriptor: RawDescriptor; platform: RawPlatform }> {
  if (descriptor.platform) return { descriptor, platform: descriptor.platform };
  const doc = parse(await source.manifest(descriptor.digest, options), options);
  if (doc.kind !== "image") throw new OcipeekError("CORRUPT_MANIFEST", "it is an index");
  return { descriptor, platform: await configPlatform(source, doc, options) };
}

function platformNamed(text: string, parse = parsePlatform): RawPlatform {
  return calling(() => parse(text));
}

/** Strict match of platforms, as the reference has it: the same normalised platform; the version of the system where it is asked for. */
function same(a: RawPlatform, wanted: RawPlatform): boolean {
  const version = wanted["os.version"];
  return (
    a.os === wanted.os &&
    a.architecture === wanted.architecture &&
    (a.variant ?? "") === (wanted.variant ?? "") &&
    (version === undefined || version === a["os.version"])
  );
}

function firstOfEach<T extends { platform: RawPlatform }>(list: T[]): T[] {
  return list.filter((it, i) => list.findIndex((other) => other.platform.name === it.platform.name) === i);
}

function checkPlatform(source: Source, image: PlatformImage, { platforms }: Options): void {
  if (platforms === undefined || platforms === "all") return;
  for (const want of platforms) {
    if (!same(image.platform, platformNamed(want))) throw missing(source, want, [image]);
  }
}

function missing(source: Source, wanted: string, there: { platform: RawPlatform }[]): OcipeekError {
  const names = there.map((it) => it.platform.name).join(", ") || "none";
  const message = `${source.name}: there is no image for ${wanted} here; available: ${names}`;
  return new OcipeekError("NOT_FOUND", message, { reference: source.name });
}
