// Makes an image of one gzip layer with a SOCI v2 index, for what the demo image is too small for.
// The zTOC is written with the official FlatBuffers library. The deflate stream is flushed at every
// span's end (Z_FULL_FLUSH), so that checkpoints fall on whole bytes and need no window.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, crc32, createDeflateRaw } from "node:zlib";
import { Builder } from "flatbuffers";

const OCI = "application/vnd.oci.image";
const V2 = "application/vnd.amazon.soci.index.v2+json";
const MTIME = 1_750_000_000;
const WINDOW = 32_768;

const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The ustar header of an entry; of `name` the first 100 bytes. */
export function tarHeader(name, size, type = "0", link = "", mode = 0o644) {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write(`${MTIME.toString(8).padStart(11, "0")}\0`, 136);
  header.write(`        ${type}`, 148);
  header.write(link, 157, 100);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** A ustar archive. Files are regular where they have no type letter. */
export function tarOf(files) {
  const parts = [];
  const entries = [];
  let at = 0;
  for (const [name, content, type, link] of files) {
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
    parts.push(tarHeader(name, content.length, type, link), content, padding);
    entries.push({ name, offset: at + 512, size: content.length });
    at += 512 + content.length + padding.length;
  }
  parts.push(Buffer.alloc(1024));
  return { tar: Buffer.concat(parts), entries };
}

/** Gzip with a checkpoint every `spanSize` bytes. */
export async function gzipWithSpans(tar, spanSize) {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const parts = [header];
  let length = header.length;
  const deflate = createDeflateRaw({ level: 6 });
  deflate.on("data", (d) => {
    parts.push(d);
    length += d.length;
  });
  const checkpoints = [];
  for (let out = 0; out < tar.length; out += spanSize) {
    checkpoints.push({ in: length, out });
    deflate.write(tar.subarray(out, out + spanSize));
    await new Promise((resolve) => deflate.flush(constants.Z_FULL_FLUSH, () => resolve(undefined)));
  }
  const ended = new Promise((resolve) => deflate.once("end", resolve));
  deflate.end();
  await ended;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(tar), 0);
  trailer.writeUInt32LE(tar.length % 2 ** 32, 4);
  parts.push(trailer);
  return { layer: Buffer.concat(parts), checkpoints };
}

/** The checkpoints as the zTOC keeps them. `windowBefore` gives up to 32 KiB of output before an offset. */
export function zinfo(checkpoints, spanSize, windowBefore) {
  const blob = Buffer.alloc(12 + checkpoints.length * (17 + WINDOW));
  blob.writeInt32LE(checkpoints.length, 0);
  blob.writeBigInt64LE(BigInt(spanSize), 4);
  checkpoints.forEach((c, i) => {
    const at = 12 + i * (17 + WINDOW);
    blob.writeBigInt64LE(BigInt(c.in), at);
    blob.writeBigInt64LE(BigInt(c.out), at + 8);
    const window = windowBefore(c.out);
    window.copy(blob, at + 17 + WINDOW - window.length);
  });
  return blob;
}

/** A zTOC of regular files, of which `repeat` tells the first one as so many. */
export function ztocOf({ entries, digests, checkpoints, layerSize, tarSize, repeat = 1 }) {
  const b = new Builder(1 << 20);
  const offsets = (list) => {
    b.startVector(4, list.length, 4);
    for (const o of list.toReversed()) b.addOffset(o);
    return b.endVector();
  };
  const files = entries.map(({ name, offset, size }) => {
    const strings = [b.createString(name), b.createString("reg"), b.createString(""), b.createString("")];
    const time = b.createString(new Date(MTIME * 1000).toISOString().replace(".000Z", "Z"));
    b.startObject(14);
    b.addFieldOffset(0, strings[0], 0);
    b.addFieldOffset(1, strings[1], 0);
    b.addFieldInt64(2, BigInt(offset), 0n);
    b.addFieldInt64(3, BigInt(size), 0n);
    b.addFieldInt64(5, 0o644n, 0n);
    b.addFieldOffset(8, strings[2], 0);
    b.addFieldOffset(9, strings[3], 0);
    b.addFieldOffset(10, time, 0);
    return b.endObject();
  });
  const metadata = offsets([...new Array(repeat - 1).fill(files[0]), ...files]);
  b.startObject(1);
  b.addFieldOffset(0, metadata, 0);
  const toc = b.endObject();
  const digestList = offsets(digests.map((d) => b.createString(d)));
  const blob = b.createByteVector(checkpoints);
  b.startObject(4);
  b.addFieldInt8(0, 1, 1);
  b.addFieldInt32(1, digests.length - 1, 0);
  b.addFieldOffset(2, digestList, 0);
  b.addFieldOffset(3, blob, 0);
  const compression = b.endObject();
  const texts = [b.createString("0.9"), b.createString("ocipeek tests")];
  b.startObject(6);
  b.addFieldOffset(0, texts[0], 0);
  b.addFieldOffset(1, texts[1], 0);
  b.addFieldInt64(2, BigInt(layerSize), 0n);
  b.addFieldInt64(3, BigInt(tarSize), 0n);
  b.addFieldOffset(4, toc, 0);
  b.addFieldOffset(5, compression, 0);
  b.finish(b.endObject());
  return Buffer.from(b.asUint8Array());
}

/** A zTOC of `count` files as large images have them, of a layer that does not exist; 4 MiB spans. */
export function hugeZtoc(count) {
  const entries = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const size = (i * 7919) % 8192;
    const dir = `usr/lib/python3/dist-packages/package_${Math.floor(i / 40)}`;
    entries.push({ name: `${dir}/module_${i}.py`, offset: at + 512, size });
    at += 512 + 512 * Math.ceil(size / 512);
  }
  const spanSize = 4 << 20;
  const tarSize = at + 1024;
  const checkpoints = [];
  for (let out = 0; out < tarSize; out += spanSize) checkpoints.push({ in: 10 + out / 4, out });
  const window = Buffer.alloc(WINDOW, "window");
  return ztocOf({
    entries,
    digests: checkpoints.map((c) => digestOf(Buffer.from(String(c.out)))),
    checkpoints: zinfo(checkpoints, spanSize, (out) => window.subarray(0, Math.min(out, WINDOW))),
    layerSize: 20 + Math.ceil(tarSize / 4),
    tarSize,
  });
}

/** Starts an OCI layout of images of one layer each. `finish` writes its index. */
export function layoutWriter(dir) {
  mkdirSync(join(dir, "blobs", "sha256"), { recursive: true });
  const put = (bytes, mediaType) => {
    const digest = digestOf(bytes);
    writeFileSync(join(dir, "blobs", "sha256", digest.slice(7)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const putJson = (value, mediaType) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const platform = { os: "linux", architecture: "amd64" };
  const manifests = [];
  const tagged = (descriptor, tag) =>
    manifests.push({ ...descriptor, annotations: { "org.opencontainers.image.ref.name": tag } });

  /** The image's manifest. */
  const putImage = (layers, diffIds, annotations) => {
    const config = { ...platform, rootfs: { type: "layers", diff_ids: diffIds }, config: {} };
    return putJson(
      {
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        config: putJson(config, `${OCI}.config.v1+json`),
        layers,
        ...(annotations ? { annotations } : {}),
      },
      `${OCI}.manifest.v1+json`,
    );
  };

  /**
   * Adds an image without an index of its layer, or layers.
   * @param {string} tag
   * @param {Buffer | Buffer[]} layers
   */
  const addPlain = (tag, layers, compression = "gzip") => {
    const all = [layers].flat();
    const descriptors = all.map((layer) => put(layer, `${OCI}.layer.v1.tar+${compression}`));
    tagged(putImage(descriptors, all.map(digestOf)), tag);
  };

  /**
   * Adds an image with a SOCI v2 index. `diffId` is that of the tar, `claims` what descriptors say in place of the
   * truth.
   * @param {string} tag
   * @param {{ layer: Buffer, diffId: string, ztoc: Buffer, spanSize: number, claims?: { layerSize?: number, ztocSize?: number } }} image
   */
  const addIndexed = (tag, { layer, diffId, ztoc, spanSize, claims = {} }) => {
    const layerDescriptor = put(layer, `${OCI}.layer.v1.tar+gzip`);
    layerDescriptor.size = claims.layerSize ?? layer.length;
    const ztocDescriptor = put(ztoc, "application/octet-stream");
    ztocDescriptor.size = claims.ztocSize ?? ztoc.length;
    const soci = putJson(
      {
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        artifactType: V2,
        config: put(Buffer.from("{}"), V2),
        layers: [
          {
            ...ztocDescriptor,
            annotations: {
              "com.amazon.soci.image-layer-digest": layerDescriptor.digest,
              "com.amazon.soci.image-layer-mediaType": layerDescriptor.mediaType,
              "com.amazon.soci.span-size": String(spanSize),
            },
          },
        ],
      },
      `${OCI}.manifest.v1+json`,
    );
    const image = putImage([layerDescriptor], [diffId], { "com.amazon.soci.index-digest": soci.digest });
    const index = putJson(
      {
        schemaVersion: 2,
        mediaType: `${OCI}.index.v1+json`,
        manifests: [
          { ...image, platform },
          {
            ...soci,
            artifactType: V2,
            platform,
            annotations: { "com.amazon.soci.image-manifest-digest": image.digest },
          },
        ],
      },
      `${OCI}.index.v1+json`,
    );
    tagged(index, tag);
    return layerDescriptor;
  };

  const finish = () => {
    writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  };
  return { addPlain, addIndexed, finish };
}

/** The digests of a layer's spans, as its zTOC has them. */
export const spanDigests = (layer, checkpoints) =>
  checkpoints.map((c, i) => digestOf(layer.subarray(c.in, checkpoints[i + 1]?.in)));

/**
 * Writes an OCI layout with one SOCI v2 image, tagged `latest`.
 * @param {string} dir
 * @param {[name: string, content: Buffer][]} files
 * @param {{ spanSize?: number }} [options]
 */
export async function writeSyntheticLayout(dir, files, options) {
  const [written] = await writeSyntheticImages(dir, { latest: files }, options);
  return /** @type {NonNullable<typeof written>} */ (written);
}

/**
 * Writes an OCI layout with SOCI v2 images of one layer each.
 * @param {string} dir
 * @param {Record<string, [name: string, content: Buffer][]>} images files by tag
 * @param {{ spanSize?: number }} [options]
 */
export async function writeSyntheticImages(dir, images, { spanSize = 1 << 20 } = {}) {
  const writer = layoutWriter(dir);
  const written = [];
  for (const [tag, files] of Object.entries(images)) {
    const { tar, entries } = tarOf(files);
    const { layer, checkpoints } = await gzipWithSpans(tar, spanSize);
    const ztoc = ztocOf({
      entries,
      digests: spanDigests(layer, checkpoints),
      checkpoints: zinfo(checkpoints, spanSize, (out) => tar.subarray(Math.max(0, out - WINDOW), out)),
      layerSize: layer.length,
      tarSize: tar.length,
    });
    const descriptor = writer.addIndexed(tag, { layer, diffId: digestOf(tar), ztoc, spanSize });
    written.push({ layer: descriptor, spans: checkpoints.length, layerSize: layer.length });
  }
  writer.finish();
  return written;
}
