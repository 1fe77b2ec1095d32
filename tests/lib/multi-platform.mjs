// An image for two platforms, with an attestation, as OCI writes it and as Docker does: the demo for `linux/amd64`, and one
// of two layers for `linux/arm64`.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { DEMO } from "./docker-registry.mjs";
import { INDEX, LayoutWriter, MANIFEST, OCI } from "./soci-images.mjs";
import { tarOf } from "./synthetic-image.mjs";
import { IMAGE } from "./variants.mjs";

const DOCKER = "application/vnd.docker";
export const DOCKER_LIST = `${DOCKER}.distribution.manifest.list.v2+json`;
export const DOCKER_MANIFEST = `${DOCKER}.distribution.manifest.v2+json`;
const DOCKER_TYPES = new Map([
  [`${OCI}.config.v1+json`, `${DOCKER}.container.image.v1+json`],
  [`${OCI}.layer.v1.tar`, `${DOCKER}.image.rootfs.diff.tar`],
  [`${OCI}.layer.v1.tar+gzip`, `${DOCKER}.image.rootfs.diff.tar.gzip`],
]);

const text = (seed, lines) =>
  Buffer.from(
    Array.from({ length: lines }, (_, i) => `${seed} ${i} ${Math.imul(i + 1, 0x9e3779b1) >>> 0}\n`).join(""),
  );

/** The files of `linux/arm64`, by path. The upper layer replaces one and removes one of the lower one. */
export const ARM_FILES = new Map([
  ["etc/os-release", Buffer.from("ID=made\n")],
  ["usr/share/words", text("word", 40_000)],
  ["usr/bin/tool", text("upper tool", 20_000)],
  ["usr/bin/other", text("other", 9_000)],
]);

const ARM_LAYERS = [
  [
    ["etc/os-release", ARM_FILES.get("etc/os-release")],
    ["usr/share/words", ARM_FILES.get("usr/share/words")],
    ["usr/share/gone", text("gone", 100)],
    ["usr/bin/tool", text("lower tool", 20_000)],
  ],
  [
    ["usr/bin/tool", ARM_FILES.get("usr/bin/tool")],
    ["usr/bin/other", ARM_FILES.get("usr/bin/other")],
    ["usr/share/.wh.gone", Buffer.alloc(0)],
  ],
];

/** Writes a layout with the tags `oci` and `docker`. */
export function writeMultiPlatform(dir) {
  const writer = new LayoutWriter(dir);
  for (const hex of readdirSync(join(DEMO, "blobs", "sha256"))) {
    writer.blob(readFileSync(join(DEMO, "blobs", "sha256", hex)), "");
  }
  const demo = readFileSync(join(DEMO, "blobs", "sha256", IMAGE.slice(7)));
  const amd64 = { mediaType: MANIFEST, digest: IMAGE, size: demo.length };

  const diffIds = [];
  const layers = ARM_LAYERS.map((files, i) => {
    const { tar } = tarOf(files);
    diffIds.push(`sha256:${createHash("sha256").update(tar).digest("hex")}`);
    // The second in two members, as parallel compressors write them.
    const half = tar.length >> 1;
    const parts = i === 0 ? [tar] : [tar.subarray(0, half), tar.subarray(half)];
    const options = { level: 6, memLevel: 5, flush: constants.Z_NO_FLUSH };
    return writer.blob(
      Buffer.concat(parts.map((part) => gzipSync(part, options))),
      `${OCI}.layer.v1.tar+gzip`,
    );
  });
  const config = writer.json(
    {
      architecture: "arm64",
      os: "linux",
      variant: "v8",
      config: {},
      rootfs: { type: "layers", diff_ids: diffIds },
    },
    `${OCI}.config.v1+json`,
  );
  const arm64Manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers };
  const arm64 = writer.json(arm64Manifest, MANIFEST);

  const statement = writer.blob(Buffer.from('{"_type":"in-toto"}'), "application/vnd.in-toto+json");
  const attestation = writer.image([statement], {
    platform: { os: "unknown", architecture: "unknown" },
  });
  const platforms = [
    { architecture: "amd64", os: "linux" },
    { architecture: "arm64", os: "linux", variant: "v8" },
  ];
  const oci = writer.index([
    { ...amd64, platform: platforms[0] },
    { ...arm64, platform: platforms[1] },
    {
      ...attestation,
      annotations: {
        "vnd.docker.reference.digest": arm64.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { architecture: "unknown", os: "unknown" },
    },
  ]);
  writer.tag("oci", oci);

  const asDocker = (manifest) => {
    const typed = (descriptor) => ({
      mediaType: DOCKER_TYPES.get(descriptor.mediaType),
      size: descriptor.size,
      digest: descriptor.digest,
    });
    const { config, layers } = manifest;
    return writer.json(
      {
        schemaVersion: 2,
        mediaType: DOCKER_MANIFEST,
        config: typed(config),
        layers: layers.map(typed),
      },
      DOCKER_MANIFEST,
    );
  };
  const docker = writer.json(
    {
      schemaVersion: 2,
      mediaType: DOCKER_LIST,
      manifests: [
        { ...asDocker(JSON.parse(demo.toString())), platform: platforms[0] },
        { ...asDocker(arm64Manifest), platform: platforms[1] },
      ],
    },
    DOCKER_LIST,
  );
  writer.tag("docker", docker);
  return { oci, docker, amd64, arm64, attestation, types: { INDEX, MANIFEST } };
}
