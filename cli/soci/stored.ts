/** SOCI indexes that a source already holds, as what `pushArtifacts` takes. @module */
import type { Converted, PlatformArtifacts, SociArtifacts } from "../../js/build/entry/node.js";
import type { Source } from "../../js/index.js";
import { type Blob, type Manifest, manifestOf } from "../../js/push/index.js";
import type { Found, Survey, SurveyedBlob, SurveyedImage, SurveyedIndex } from "./survey.js";

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** Indexes of version 1. */
export async function v1Artifacts(
  source: Source,
  found: readonly Found[],
  signal: AbortSignal,
): Promise<SociArtifacts> {
  const images = await Promise.all(
    found.map(({ image, index }) => platformArtifacts(source, image, index, signal)),
  );
  return { version: "v1", images, close: async () => {} };
}

/** An image with indexes of version 2. */
export async function v2Artifacts(
  source: Source,
  { digest, images }: Survey,
  signal: AbortSignal,
): Promise<Converted> {
  const artifacts = await Promise.all(
    images.flatMap((image) => {
      const index = image.indexes.find(({ version }) => version === "v2");
      return index ? [platformArtifacts(source, image, index, signal)] : [];
    }),
  );
  const manifests = await Promise.all(
    images.map((image) => stored(source, image.digest, OCI_MANIFEST, signal)),
  );
  const index = await stored(source, digest, OCI_INDEX, signal);
  return { version: "v2", index, manifests, images: artifacts, close: async () => {} };
}

async function platformArtifacts(
  source: Source,
  image: SurveyedImage,
  index: SurveyedIndex,
  signal: AbortSignal,
): Promise<PlatformArtifacts> {
  const content = (blob: SurveyedBlob): Blob => blobOfSource(source, blob);
  return {
    platform: image.platform === "unknown" ? undefined : image.platform,
    subject: { mediaType: image.mediaType, digest: image.digest, size: image.size },
    index: await stored(source, index.digest, OCI_MANIFEST, signal),
    ztocs: index.ztocs.map(content),
    prefetch: index.prefetch.map(content),
    layers: [],
    prefetchMissing: [],
  };
}

async function stored(
  source: Source,
  digest: string,
  mediaType: string,
  signal: AbortSignal,
): Promise<Manifest> {
  const found = await source.manifest(digest, { signal });
  return manifestOf(new Uint8Array(found.bytes), found.mediaType || mediaType);
}

/** A blob of a source: fetched when its first byte is needed, whole, once. */
function blobOfSource(source: Source, { digest, size }: SurveyedBlob): Blob {
  let bytes: Promise<Uint8Array> | undefined;
  return {
    digest,
    size,
    read: async (start, end, signal) => {
      bytes ??= source.blob({ mediaType: "application/octet-stream", digest, size }, { signal });
      return new Uint8Array((await bytes).subarray(start, end));
    },
  };
}
