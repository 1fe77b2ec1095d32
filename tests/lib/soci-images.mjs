// Images of several platforms, to be indexed: layers of each size and compression, and what is no image beside them.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarOf } from "./synthetic-image.mjs";

export const OCI = "application/vnd.oci.image";
export const MANIFEST = `${OCI}.manifest.v1+json`;
export const INDEX = `${OCI}.index.v1+json`;
export const V1 = "application/vnd.amazon.soci.index.v1+json";
export const V2 = "application/vnd.amazon.soci.index.v2+json";
const LAYER = `${OCI}.layer.v1.tar`;

export const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Writes an OCI layout, blob by blob. */
export class LayoutWriter {
  #tags = new Map();

  /** @param {string} dir */
  constructor(dir) {
    this.dir = dir;
    mkdirSync(join(dir, "blobs", "sha256"), { recursive: true });
  }

  blob(bytes, mediaType) {
    const digest = sha256(bytes);
    writeFileSync(join(this.dir, "blobs", "sha256", digest.slice(7)), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  json(value, mediaType) {
    return this.blob(Buffer.from(JSON.stringify(value)), mediaType);
  }

  /** An image manifest. */
  image(layers, { platform = {}, annotations = undefined } = {}) {
    const config = { ...platform, rootfs: { type: "layers", diff_ids: [] }, config: {} };
    return this.json(
      {
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: this.json(config, `${OCI}.config.v1+json`),
        layers,
        ...(annotations ? { annotations } : {}),
      },
      MANIFEST,
    );
  }

  index(manifests) {
    return this.json({ schemaVersion: 2, mediaType: INDEX, manifests }, INDEX);
  }

  /** A SOCI index that lists made-up zTOCs. */
  soci(layers, type, { subject = undefined, annotations = {} } = {}) {
    const listed = layers.map((layer) => ({
      ...this.blob(Buffer.from(`zTOC of ${layer.digest}`), "application/octet-stream"),
      annotations: { "com.amazon.soci.image-layer-digest": layer.digest },
    }));
    const config = this.blob(Buffer.from("{}"), type);
    const index = { schemaVersion: 2, mediaType: MANIFEST, config, layers: listed, annotations };
    return this.json(subject ? { ...index, subject } : index, MANIFEST);
  }

  tag(name, descriptor) {
    this.#tags.set(name, descriptor);
    const manifests = [...this.#tags].map(([tag, it]) => ({
      ...it,
      annotations: { "org.opencontainers.image.ref.name": tag },
    }));
    writeFileSync(join(this.dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(join(this.dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  }
}

/** A gzip layer of about `size` bytes that cannot be made smaller. */
export function gzipLayer(writer, name, size) {
  const { tar } = tarOf([
    [`${name}.bin`, randomBytes(size)],
    [`${name}.txt`, Buffer.from(`${name}\n`)],
  ]);
  return writer.blob(gzipSync(tar), `${LAYER}+gzip`);
}

/** `linux/amd64` (a large and a small gzip layer, a plain tar), `linux/arm64`, Windows, and an attestation. */
export function writePlatforms(dir, { large = 200_000 } = {}) {
  const writer = new LayoutWriter(dir);
  const linux = (architecture) => ({ os: "linux", architecture });
  const plain = writer.blob(tarOf([["plain.bin", randomBytes(large)]]).tar, LAYER);
  const layers = {
    amd64: [gzipLayer(writer, "large", large), gzipLayer(writer, "small", 300), plain],
    arm64: [gzipLayer(writer, "arm", large)],
    windows: [gzipLayer(writer, "windows", large)],
  };
  const amd64 = writer.image(layers.amd64, { platform: linux("amd64") });
  const arm64 = writer.image(layers.arm64, { platform: linux("arm64") });
  const windows = writer.image(layers.windows, { platform: { os: "windows", architecture: "amd64" } });
  const attestation = writer.image([writer.blob(Buffer.from("{}"), "application/vnd.in-toto+json")]);
  const index = writer.index([
    { ...amd64, platform: linux("amd64") },
    { ...arm64, platform: { ...linux("arm64"), variant: "v8" } },
    { ...windows, platform: { os: "windows", architecture: "amd64", "os.version": "10.0.1" } },
    {
      ...attestation,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    },
  ]);
  writer.tag("latest", index);
  return { writer, layers, amd64, arm64, windows, attestation, index };
}

/** The parsed JSON of a blob of a layout. */
export function readJson(dir, digest) {
  return JSON.parse(readFileSync(join(dir, "blobs", "sha256", digest.slice(7)), "utf8"));
}
