/** A layer's file and its zTOC as an image of one layer, which the reader then reads as any other. @module */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { LocalFolder } from "../../js/index.js";
import { readPart } from "../../js/node/files.js";
import { V2_INDEX } from "./survey.js";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const TAR = "application/vnd.oci.image.layer.v1.tar";

/** An image of one layer. */
export interface OneLayer {
  folder: LocalFolder;
  /** How the layer is called in it, and in errors. */
  digest: string;
}

/** An OCI image layout of one image. Nothing but the spans that are asked for is read of the layer. */
export async function imageOfLayer(ztoc: Uint8Array, layer: string): Promise<OneLayer> {
  const { size } = await stat(layer);
  const files = new Map<string, Uint8Array>();
  const add = (
    mediaType: string,
    content: Uint8Array | object,
  ): { mediaType: string; digest: string; size: number } => {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const hex = createHash("sha256").update(bytes).digest("hex");
    files.set(`blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const toc = add("application/octet-stream", ztoc);
  // To hash the layer would be to read all of it, and every span has a digest of its own: it gets a name that is none.
  const hex = createHash("sha256").update(`the layer of ${toc.digest}`).digest("hex");
  const digest = `sha256:${hex}`;
  const isGzip = Buffer.from(await readPart(layer, 0, Math.min(2, size))).equals(Buffer.from([0x1f, 0x8b]));
  const mediaType = isGzip ? `${TAR}+gzip` : TAR;
  const annotations = {
    "com.amazon.soci.image-layer-digest": digest,
    "com.amazon.soci.image-layer-mediaType": mediaType,
  };
  const soci = add(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: add(V2_INDEX, {}),
    layers: [{ ...toc, annotations }],
  });
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digest] } };
  const manifest = add(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: add("application/vnd.oci.image.config.v1+json", config),
    layers: [{ mediaType, digest, size }],
    annotations: { "com.amazon.soci.index-digest": soci.digest },
  });
  files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set(
    "index.json",
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [manifest] })),
  );
  const folder: LocalFolder = {
    name: layer,
    size: (path) => (path === `blobs/sha256/${hex}` ? size : files.get(path)?.length),
    read: (path, start, end) =>
      path === `blobs/sha256/${hex}`
        ? readPart(layer, start, end)
        : (files.get(path)?.subarray(start, end) ?? new Uint8Array()),
  };
  return { folder, digest };
}
