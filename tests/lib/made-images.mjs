// Images made in memory, as a layout that `openSource` takes: of any media types, for any platforms.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarOf } from "./synthetic-image.mjs";

export const OCI = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};
export const DOCKER = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

export const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A layer's bytes: files by their names. */
export const gzipLayer = (files) =>
  gzipSync(tarOf(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)])).tar);

/** Collects blobs; {@link MadeLayout.files} is the layout. */
export class MadeLayout {
  #blobs = new Map();
  #tags = [];

  /** Keeps a blob and describes it. */
  add(bytes, mediaType, more = {}) {
    const digest = sha256(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length, ...more };
  }

  json(value, mediaType, more = {}) {
    return this.add(Buffer.from(JSON.stringify(value)), mediaType, more);
  }

  /**
   * An image of layers `[bytes, mediaType]`; its manifest's descriptor.
   * @param {any[]} layers
   * @param {Record<string, any>} [options]
   */
  image(layers, { platform = { os: "linux", architecture: "amd64" }, types = OCI, ...more } = {}) {
    const config = this.json({ ...platform, rootfs: { type: "layers", diff_ids: [] } }, types.config);
    const described = layers.map(([bytes, mediaType]) => this.add(bytes, mediaType));
    const manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers: described };
    return this.json(manifest, types.manifest, more);
  }

  index(manifests, types = OCI) {
    return this.json({ schemaVersion: 2, mediaType: types.index, manifests }, types.index);
  }

  tag(name, descriptor) {
    this.#tags.push({ ...descriptor, annotations: { "org.opencontainers.image.ref.name": name } });
  }

  /** Gives a blob other bytes than its digest says. */
  damage(digest, change) {
    const bytes = Buffer.from(this.#blobs.get(digest));
    change(bytes);
    this.#blobs.set(digest, bytes);
  }

  remove(digest) {
    this.#blobs.delete(digest);
  }

  /** Writes it to a folder. */
  async write(folder) {
    mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
    for (const [name, blob] of this.files)
      writeFileSync(join(folder, name), Buffer.from(await blob.arrayBuffer()));
  }

  get files() {
    const index = JSON.stringify({ schemaVersion: 2, manifests: this.#tags });
    const blobs = [...this.#blobs].map(([digest, bytes]) => [
      `blobs/sha256/${digest.slice(7)}`,
      new Blob([bytes]),
    ]);
    return new Map([
      ["oci-layout", new Blob(['{"imageLayoutVersion":"1.0.0"}'])],
      ["index.json", new Blob([index])],
      .../** @type {[string, Blob][]} */ (blobs),
    ]);
  }
}
