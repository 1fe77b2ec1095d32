// Archives as `docker save` writes them, made from the demo layout by gunzip and GNU tar.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { run } from "../../scripts/lib/run.mjs";
import { DEMO } from "./docker-registry.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const blob = (digest) => readFileSync(join(DEMO, "blobs", "sha256", digest.replace("sha256:", "")));

/** The demo's manifest, config and uncompressed layers. */
function demo() {
  const { manifests } = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
  const named = (m) => m.annotations?.["org.opencontainers.image.ref.name"] === "latest";
  const manifest = JSON.parse(blob(manifests.find(named).digest).toString());
  const layers = manifest.layers.map(({ digest }) => {
    const bytes = blob(digest);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  });
  return { config: blob(manifest.config.digest), layers };
}

/**
 * Unpacked, as Dockers before version 25 write it: a folder for each layer, one of them a link to an equal one.
 * @param {string} folder
 * @param {{ names?: string[] | null, others?: string[] }} [options] `others`: names of a second image, of the lowest
 *   layer alone
 */
export function saveOldFolder(folder, { names = ["demo:latest"], others } = {}) {
  const { config, layers } = demo();
  mkdirSync(folder, { recursive: true });
  const put = (bytes) => {
    const name = `${sha256(bytes)}.json`;
    writeFileSync(join(folder, name), bytes);
    return name;
  };
  const files = layers.map((bytes, i) => {
    const id = sha256(Buffer.from(`layer ${i}`));
    mkdirSync(join(folder, id));
    writeFileSync(join(folder, id, "VERSION"), "1.0");
    writeFileSync(join(folder, id, "json"), JSON.stringify({ id }));
    writeFileSync(join(folder, id, "layer.tar"), bytes);
    return `${id}/layer.tar`;
  });
  const list = [{ Config: put(config), RepoTags: names, Layers: files }];
  if (others) {
    const all = JSON.parse(config.toString());
    const { diff_ids: ids } = all.rootfs;
    const small = { ...all, rootfs: { type: "layers", diff_ids: ids.slice(0, 1) }, history: [] };
    mkdirSync(join(folder, "other"));
    symlinkSync(join("..", files[0]), join(folder, "other", "layer.tar"));
    list.push({
      Config: put(Buffer.from(JSON.stringify(small))),
      RepoTags: others,
      Layers: ["other/layer.tar"],
    });
  }
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(list));
  writeFileSync(join(folder, "repositories"), "{}");
}

/** The same as a tar, with `manifest.json` at its end as Docker has it. */
export async function saveOld(file, folder, options) {
  saveOldFolder(folder, options);
  await run("tar", ["-cf", file, "-C", folder, "--exclude=./manifest.json", "."]);
  await run("tar", ["-rf", file, "-C", folder, "manifest.json", "repositories"]);
}

/** As Docker from version 25 writes it: an OCI layout with uncompressed layers, and a `manifest.json` besides. */
export async function saveNew(file, folder, name = "docker.io/library/demo:latest") {
  const { config, layers } = demo();
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  const put = (bytes, mediaType, more = {}) => {
    const hex = sha256(bytes);
    writeFileSync(join(folder, "blobs", "sha256", hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length, ...more };
  };
  const oci = (kind) => `application/vnd.oci.image.${kind}`;
  const parts = {
    config: put(config, oci("config.v1+json")),
    layers: layers.map((bytes) => put(bytes, oci("layer.v1.tar"))),
  };
  const manifest = put(
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: oci("manifest.v1+json"), ...parts })),
    oci("manifest.v1+json"),
    {
      annotations: {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.split(":").at(-1),
      },
    },
  );
  const path = ({ digest }) => `blobs/sha256/${digest.slice(7)}`;
  const docker = [{ Config: path(parts.config), RepoTags: [name], Layers: parts.layers.map(path) }];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(docker));
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  await run("tar", ["-cf", file, "-C", folder, "blobs", "index.json", "manifest.json", "oci-layout"]);
}

/** The demo's layout as `skopeo copy … oci-archive:` writes it. */
export async function saveLayout(file) {
  await run("tar", ["-cf", file, "-C", DEMO, "oci-layout", "index.json", "blobs"]);
}

/** The demo's layout as a folder of its own. */
export function copyLayout(folder) {
  cpSync(DEMO, folder, { recursive: true });
}
