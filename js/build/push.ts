/** Writes SOCI indexes and converted images. @module */
import { forEach } from "../ahead.js";
import { unless } from "../errors.js";
import type { Source } from "../image/source.js";
import { blobOf } from "../push/content.js";
import type { Converted, PushOptions, PushReport, SociArtifacts } from "../types/build.js";
import type { Blob as Content, Destination, DestinationOptions, Manifest } from "../types/content.js";
import { artifactBlobs } from "./create.js";
import { parse } from "./images.js";
import { stopped } from "./layer-stream.js";
import { BuildMeter } from "./progress.js";
import { buildReady } from "./runtime.js";
import { sourceBlob } from "./source-blob.js";

/** Indexes within indexes that are followed. */
const MAX_DEPTH = 4;

/**
 * Writes what {@link createIndex} or {@link convertImage} made: blobs first, then what names them, so that nobody sees an
 * index whose parts are missing. Blobs that the destination has are not sent; those of the image are mounted from
 * the source, where it is a repository of the same registry, else copied.
 *
 * SOCI indexes of version 1 become referrers of their images, which the destination should have. A converted image gets
 * the tag that is asked for.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 * import { createIndex, pushArtifacts } from "ocipeek/build";
 * import { registryDestination } from "ocipeek/push";
 *
 * const source = await openSource("ghcr.io/owner/app:1");
 * const artifacts = await createIndex(source, undefined, { minLayerSize: 0 });
 * const destination = await registryDestination("ghcr.io/owner/app");
 * const report = await pushArtifacts(source, artifacts, destination);
 * console.log(report.manifests.length); // 1
 * await artifacts.close();
 * ```
 */
export async function pushArtifacts(
  source: Source,
  artifacts: SociArtifacts | Converted,
  destination: Destination,
  options: PushOptions = {},
): Promise<PushReport> {
  await buildReady();
  const push = new Push(source, destination, options);
  if (artifacts.version === "v1") await push.referrers(artifacts);
  else await push.image(artifacts);
  return push.report;
}

class Push {
  readonly report: PushReport;
  readonly #source: Source;
  readonly #destination: Destination;
  readonly #options: PushOptions;
  readonly #signal: DestinationOptions;

  constructor(source: Source, destination: Destination, options: PushOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
    this.#signal = { signal: options.signal };
    this.report = { destination: destination.name, blobs: [], manifests: [] };
  }

  async referrers({ images }: SociArtifacts): Promise<void> {
    await this.#blobs([...artifactBlobs(images), await emptyConfig()]);
    for (const { index } of images) {
      if (!index) continue;
      await this.#destination.putReferrer(index, this.#signal);
      this.#note(index);
    }
  }

  async image(image: Converted): Promise<void> {
    const { tag } = this.#options;
    const own = new Map([...image.manifests, ...sociIndexes(image)].map((it) => [it.digest, it]));
    // What names others comes behind them.
    const manifests: Manifest[] = [];
    const blobs = new Map<string, Content>();
    for (const blob of [...artifactBlobs(image.images), await emptyConfig()]) blobs.set(blob.digest, blob);
    await this.#collect(image.index, own, manifests, blobs, 0);
    await this.#blobs([...blobs.values()]);
    for (const manifest of manifests) {
      await this.#destination.putManifest(manifest, this.#signal);
      this.#note(manifest);
    }
    await this.#destination.putManifest(image.index, { ...this.#signal, tag });
    this.#note(image.index, tag);
  }

  /** All that an index names, as far as the destination does not have it. */
  async #collect(
    index: Manifest,
    own: ReadonlyMap<string, Manifest>,
    manifests: Manifest[],
    blobs: Map<string, Content>,
    depth: number,
  ): Promise<void> {
    const doc = parse(index, {});
    if (doc.kind === "image") {
      for (const { digest, size, mediaType } of [doc.config, ...doc.layers]) {
        if (blobs.has(digest) || isElsewhere(mediaType)) continue;
        blobs.set(digest, sourceBlob(this.#source, { digest, size }));
      }
      return;
    }
    for (const { digest, mediaType } of doc.manifests) {
      if (manifests.some((it) => it.digest === digest)) continue;
      const manifest = own.get(digest) ?? (await this.#other(digest, mediaType));
      if (!manifest) continue;
      if (depth < MAX_DEPTH) await this.#collect(manifest, own, manifests, blobs, depth + 1);
      manifests.push(manifest);
    }
  }

  /** A manifest that was left as it is; nothing where the destination has it, or the source has not. */
  async #other(digest: string, mediaType: string): Promise<Manifest | undefined> {
    if (await this.#destination.getManifest(digest, this.#signal)) return undefined;
    const manifest = await unless(this.#source.manifest(digest, this.#signal), "NOT_FOUND");
    return manifest && { ...manifest, mediaType };
  }

  async #blobs(blobs: readonly Content[]): Promise<void> {
    const { parallel = 3, onProgress, signal } = this.#options;
    const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
    const meter = onProgress && new BuildMeter("push", total, onProgress);
    const { registry, repository } = this.#source;
    const isNear = registry !== undefined && this.#destination.name.startsWith(`${registry}/`);
    await forEach(blobs, parallel, signal, async (blob, all) => {
      let told = 0;
      const onBytes = (bytes: number): void => {
        told += bytes;
        meter?.add(bytes);
        if (meter?.due) void meter.tell();
      };
      // Only what the source has can be mounted from it.
      const mountFrom = isNear && "close" in blob ? repository : undefined;
      try {
        if (all.aborted) throw stopped(all);
        const outcome = await this.#destination.putBlob(blob, { signal: all, mountFrom, onBytes });
        onBytes(blob.size - told);
        this.report.blobs.push({ digest: blob.digest, size: blob.size, outcome });
      } finally {
        if ("close" in blob) (blob as ReturnType<typeof sourceBlob>).close();
      }
    });
    await meter?.tell();
  }

  #note({ digest, mediaType, bytes }: Manifest, tag?: string): void {
    const entry = { digest, mediaType, size: bytes.length };
    this.report.manifests.push(tag === undefined ? entry : { ...entry, tag });
  }
}

function sociIndexes({ images }: Converted): Manifest[] {
  return images.flatMap((it) => (it.index ? [it.index] : []));
}

/** The config of every SOCI index: an empty object. */
function emptyConfig(): Promise<Content> {
  return blobOf(new TextEncoder().encode("{}"));
}

/** Layers that are fetched from where their vendor has them, and not pushed. */
function isElsewhere(mediaType: string): boolean {
  return mediaType.includes(".nondistributable.") || mediaType.includes(".foreign.");
}
