// Images in every lazy format in a real docker-registry, for those who look at how each is shown.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pushLayout, startDockerRegistry } from "./docker-registry.mjs";
import { tempFolder } from "./processes.mjs";

const FOLDER = new URL("../fixtures/formats/", import.meta.url).pathname;
const json = (name) => JSON.parse(readFileSync(`${FOLDER}${name}`, "utf8"));

const digests = { metadata: "toc-digest", content: "chunk-digest", words: "Verified by chunk digests" };
const whole = { metadata: "layer-digest", content: "layer-digest", words: "Verified by layer digests" };
const nydus = { ...digests, metadata: "layer-digest", reader: "nydus", badge: "Nydus" };
const estargz = { ...digests, reader: "estargz", badge: "eStargz" };
const chunked = { ...digests, reader: "zstd-chunked", badge: "zstd:chunked" };
const overlaybd = { ...whole, reader: "overlaybd", badge: "OverlayBD" };
const turbooci = { ...whole, reader: "turbooci", badge: "TurboOCI" };
const plain = { ...whole, reader: "plain", badge: "whole" };

/**
 * By the folder of the fixture: what reads it, its badge, and how one of its files is verified by default.
 * @type {Record<string, { reader: string, badge: string, metadata: string, content: string, words: string }>}
 */
export const SHOWN = {
  estargz,
  "estargz-64k": estargz,
  "estargz-minchunk": estargz,
  "estargz-external-toc": estargz,
  "zstdchunked-stargz": chunked,
  "zstdchunked-skopeo19": chunked,
  "zstdchunked-current": chunked,
  "nydus-v5": nydus,
  "nydus-v5-lz4": nydus,
  "nydus-v6": nydus,
  "nydus-v6-lz4": nydus,
  "nydus-v6-batch": nydus,
  "nydus-v6-zran": nydus,
  overlaybd,
  "overlaybd-64g": overlaybd,
  "overlaybd-zstd-bs16": overlaybd,
  "turbooci-ext4": turbooci,
  "turbooci-erofs": turbooci,
  "plain-gzip": plain,
  "plain-zstd": plain,
};

/** One line a path of the root file system, which is the same in all of them. */
export const paths = () => json("expected.json").merged;

/** Tags of fixtures may be whole names, as `test:gzip`. */
const tagOf = (name) => name.slice(name.indexOf(":") + 1);

/** How an image is named below its registry: `estargz:esgz`. */
export const nameOf = (folder) => `${folder}:${tagOf(json("INDEX.json")[folder].images[0].tag)}`;

/** An OverlayBD image of more bytes than are fetched without a question, below the registry. */
export const LARGE = "large:overlaybd";

/** An image whose layers are in several formats, below the registry. */
export const MIXED = "mixed:latest";

/** A registry with all of them. */
export async function startFormatImages({ large = false } = {}) {
  const registry = await startDockerRegistry();
  for (const folder of Object.keys(SHOWN)) {
    await pushLayout(registry.host, `${FOLDER}${folder}`, folder, tagOf);
  }
  if (large) await pushLarge(registry.host);
  return registry;
}

/** What a fixture's first image is made of. */
function imageOf(folder) {
  const layout = join(FOLDER, folder);
  const blob = (digest) => readFileSync(join(layout, "blobs", "sha256", digest.slice("sha256:".length)));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
  const [entry] = index.manifests;
  return { index, entry, manifest: JSON.parse(blob(entry.digest).toString()), blob };
}

/** Puts an image into a new layout, and that into the registry; `put` takes blobs. */
async function pushMade(host, repository, tag, make) {
  const folder = tempFolder("made-format");
  try {
    const blobs = join(folder.path, "blobs", "sha256");
    mkdirSync(blobs, { recursive: true });
    const put = (bytes) => {
      const digest = createHash("sha256").update(bytes).digest("hex");
      writeFileSync(join(blobs, digest), bytes);
      return { digest: `sha256:${digest}`, size: bytes.length };
    };
    const { index, entry, manifest } = make(put);
    const annotations = { "org.opencontainers.image.ref.name": tag };
    const made = { ...entry, ...put(Buffer.from(JSON.stringify(manifest))), annotations };
    writeFileSync(join(folder.path, "index.json"), JSON.stringify({ ...index, manifests: [made] }));
    writeFileSync(join(folder.path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    await pushLayout(host, folder.path, repository);
  } finally {
    folder.remove();
  }
}

/**
 * Layers of {@link MIXED}: folder of the fixture, its layer, and what the history says.
 * @type {[string, number, string][]}
 */
const MIX = [
  ["estargz", 0, "COPY base /"],
  ["zstdchunked-current", 1, "COPY tools /"],
  ["plain-gzip", 0, "RUN make install"],
  ["estargz-64k", 1, "COPY data /"],
];

/** Pushes {@link MIXED}; gives the digest of its layer in zstd:chunked. */
export async function pushMixed(host) {
  await pushMade(host, "mixed", "latest", (put) => {
    const { index, entry, manifest, blob } = imageOf("plain-gzip");
    const config = JSON.parse(blob(manifest.config.digest).toString());
    const layers = MIX.map(([folder, at]) => {
      const from = imageOf(folder);
      const layer = from.manifest.layers[at];
      put(from.blob(layer.digest));
      return layer;
    });
    config.history = MIX.map(([, , created_by]) => ({ created: "2026-11-01T09:00:00Z", created_by }));
    config.rootfs.diff_ids = layers.map((layer) => layer.digest);
    Object.assign(manifest.config, put(Buffer.from(JSON.stringify(config))));
    return { index, entry, manifest: { ...manifest, layers } };
  });
  return imageOf("zstdchunked-current").manifest.layers[1].digest;
}

const PADDING = 40 << 20;

/** The fixture's image, with zeros behind the end of its upper layer's tar. */
function pushLarge(host) {
  return pushMade(host, "large", "overlaybd", (put) => {
    const { index, entry, manifest, blob } = imageOf("overlaybd");
    put(blob(manifest.config.digest));
    for (const layer of manifest.layers) {
      const bytes = blob(layer.digest);
      const isLast = layer === manifest.layers.at(-1);
      Object.assign(layer, put(isLast ? Buffer.concat([bytes, Buffer.alloc(PADDING)]) : bytes));
      const name = "containerd.io/snapshot/overlaybd/blob";
      layer.annotations[`${name}-digest`] = layer.digest;
      layer.annotations[`${name}-size`] = String(layer.size);
    }
    return { index, entry, manifest };
  });
}
