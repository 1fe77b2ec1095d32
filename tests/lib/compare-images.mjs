// Two images to compare, `compare:v1` and `compare:v2`: the demo's lowest layer, and one of their own each.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEMO, pushLayout } from "./docker-registry.mjs";
import { tempFolder } from "./processes.mjs";
import { tarOf } from "./synthetic-image.mjs";

const OCI = "application/vnd.oci.image";

const lines = (count, change = /** @type {(line: string, at: number) => string} */ ((line) => line)) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${change(`line ${i + 1}`, i + 1)}\n`).join(""));

/** The files of both own layers. Sizes and times of `app/same` and `app/alike` are equal. */
export const V1 = [
  ["app/settings.conf", Buffer.from("# Settings\nport = 8080\nname = demo\nlevel = info\n")],
  ["app/long.txt", lines(300)],
  ["app/gone.txt", Buffer.from("only in the first\n")],
  ["app/same", Buffer.from("the same content")],
  ["app/alike", Buffer.from("content number 1")],
  ["app/data.bin", Buffer.from([1, 2, 3, 0, 5, 6])],
  ["app/turns", Buffer.from("a file\n")],
];
export const V2 = [
  ["app/settings.conf", Buffer.from("# Settings\nport = 9090\nname = demo\nlevel = info\ncolour = yes\n")],
  ["app/long.txt", lines(300, (line, i) => (i === 20 || i === 250 ? `${line}, changed` : line))],
  ["app/new.txt", Buffer.from("only in the second\n")],
  ["app/same", Buffer.from("the same content")],
  ["app/alike", Buffer.from("content number 2")],
  ["app/data.bin", Buffer.from([1, 2, 3, 0, 5, 6, 7])],
  ["app/turns/inside", Buffer.from("a folder now\n")],
  ["etc/.wh.protocols", Buffer.alloc(0)],
];

const CONFIGS = [
  {
    Env: ["PATH=/bin", "VERSION=1"],
    Cmd: ["/app/run"],
    Labels: { "org.opencontainers.image.version": "1" },
  },
  {
    Env: ["PATH=/bin", "VERSION=2", "DEBUG="],
    Cmd: ["/app/run", "--fast"],
    Labels: { "org.opencontainers.image.version": "2" },
  },
];
const HISTORY = [
  { created_by: "/bin/sh -c #(nop) ADD file:0123 in / " },
  { created_by: '/bin/sh -c #(nop)  ENV VERSION="1"', empty_layer: true },
  { created_by: "RUN /bin/sh -c make install # buildkit" },
];

/** Pushes both. */
export async function pushCompareImages(host) {
  const folder = tempFolder("compare");
  writeCompareLayout(folder.path);
  await pushLayout(host, folder.path, "compare");
  folder.remove();
}

/** Both as an OCI layout. */
export function writeCompareLayout(dir) {
  const blobs = join(dir, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (bytes, mediaType) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const putJson = (value, mediaType) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const base = lowestLayer(blobs);
  const manifests = [V1, V2].map((files, at) => {
    const own = put(tarOf(files).tar, `${OCI}.layer.v1.tar`);
    const config = {
      os: "linux",
      architecture: "amd64",
      created: `2026-0${at + 1}-01T00:00:00Z`,
      config: CONFIGS[at],
      rootfs: { type: "layers", diff_ids: [base.diffId, own.digest] },
      history: HISTORY,
    };
    const manifest = putJson(
      {
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        config: putJson(config, `${OCI}.config.v1+json`),
        layers: [base.descriptor, own],
      },
      `${OCI}.manifest.v1+json`,
    );
    return { ...manifest, annotations: { "org.opencontainers.image.ref.name": `v${at + 1}` } };
  });
  writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** The demo's, copied. */
function lowestLayer(to) {
  const read = (digest) => JSON.parse(readFileSync(join(DEMO, "blobs", "sha256", digest.slice(7)), "utf8"));
  const index = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
  const latest = index.manifests.find(
    (it) => it.annotations["org.opencontainers.image.ref.name"] === "latest",
  );
  let manifest = read(latest.digest);
  if (manifest.manifests) manifest = read(manifest.manifests[0].digest);
  const [descriptor] = manifest.layers;
  const [diffId] = read(manifest.config.digest).rootfs.diff_ids;
  copyFileSync(
    join(DEMO, "blobs", "sha256", descriptor.digest.slice(7)),
    join(to, descriptor.digest.slice(7)),
  );
  return { descriptor, diffId };
}
