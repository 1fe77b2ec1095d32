// The images of tests/fixtures/formats, and what is to be true of each: one line a layout.
import { readFileSync } from "node:fs";
import { pushLayout, startDockerRegistry } from "./docker-registry.mjs";

const FOLDER = new URL("../fixtures/formats/", import.meta.url).pathname;
const json = (name) => JSON.parse(readFileSync(`${FOLDER}${name}`, "utf8"));

/** One line a path of the merged root file system, which is the same in all of them. */
export const expected = () => json("expected.json").merged;

/** The file of which one cold read is measured; the upper layer does not touch it. */
export const COLD = "/lib/libc.so.6";

const chunked = (folder, read, cold) => ({
  folder,
  read,
  metadata: "toc-digest",
  content: "chunk-digest",
  loses: [],
  cold,
});
const plain = (folder, cold) => ({
  folder,
  read: "whole",
  metadata: "layer-digest",
  content: "layer-digest",
  loses: [],
  cold,
});

const merged = (folder, read, loses, cold) => ({
  folder,
  read,
  metadata: "layer-digest",
  content: "layer-digest",
  loses,
  cold,
});
const nydus = (folder, cold) => ({ ...merged(folder, "nydus", [], cold), content: "chunk-digest" });
/** By ranges that no digest vouches for, which the caller allows. */
const lazy = (format, verified, cold) => ({
  ...format,
  name: `${format.folder}, unverified`,
  ...verified,
  cold,
  options: { verify: false },
});

const EXT4 = ["lost+found"];
const overlaybd = merged("overlaybd", "overlaybd", EXT4, ["manifest 1158", "blob 90112", "blob 629248"]);
const overlaybd64g = merged("overlaybd-64g", "overlaybd", EXT4, [
  "manifest 1162",
  "blob 708096",
  "blob 1196544",
]);
const overlaybdZstd = merged("overlaybd-zstd-bs16", "overlaybd", EXT4, [
  "manifest 1158",
  "blob 59904",
  "blob 377856",
]);
const turboExt4 = merged("turbooci-ext4", "turbooci", EXT4, [
  "manifest 1696",
  "blob 4563",
  "blob 15338",
  "blob 50538",
]);
const turboErofs = merged(
  "turbooci-erofs",
  "turbooci",
  [],
  ["manifest 1696", "blob 2363", "blob 15746", "blob 50538"],
);
const CRC = { metadata: "crc", content: "crc", loses: ["hardlinks", "lost+found"] };

/**
 * `loses`: what the format or its tool does not keep, or adds: `hardlinks` (which of a file's names was the
 * first), `lost+found` (that there is no such folder, which mke2fs makes).
 * `cold`: what opening the image and reading {@link COLD} asks for: purposes and, of bodies, bytes.
 * `options`: of `open`. `name`: where one layout has several lines.
 * @type {{ folder: string, name?: string, read: string, metadata: string, content: string, loses: string[], cold: string[], options?: object }[]}
 */
export const FORMATS = [
  chunked("estargz", "estargz", ["manifest 929", "range 255894-321430 65536", "range 0-57263 57263"]),
  chunked("estargz-64k", "estargz", ["manifest 929", "range 257982-323518 65536", "range 0-57448 57448"]),
  chunked("estargz-minchunk", "estargz", [
    "manifest 927",
    "range 241767-307303 65536",
    "range 0-54593 54593",
  ]),
  chunked("estargz-external-toc", "estargz", [
    "manifest 927",
    "range 247583-313119 65536",
    "range 0-55906 55906",
    "manifest 929",
    "blob 14102",
    "blob 3263",
  ]),
  chunked("zstdchunked-stargz", "zstd-chunked", [
    "manifest 1309",
    "range 337129-350817 13688",
    "range 57814-60914 3100",
    "range 36935-51016 14081",
  ]),
  chunked("zstdchunked-skopeo19", "zstd-chunked", [
    "manifest 972",
    "range 319279-332766 13487",
    "range 55542-58785 3243",
    "range 35543-48251 12708",
  ]),
  chunked("zstdchunked-current", "zstd-chunked", [
    "manifest 1274",
    "range 342555-356121 13566",
    "range 56187-59481 3294",
    "range 35318-48599 13281",
  ]),
  nydus("nydus-v5", ["manifest 1156", "blob 29651", "range 34537-48330 13793"]),
  nydus("nydus-v5-lz4", ["manifest 1156", "blob 29654", "range 40845-57070 16225"]),
  nydus("nydus-v6", ["manifest 1156", "blob 24054", "range 34537-48330 13793"]),
  nydus("nydus-v6-lz4", ["manifest 1156", "blob 24657", "range 40845-57070 16225"]),
  nydus("nydus-v6-batch", ["manifest 1156", "blob 23247", "range 0-49409 49409"]),
  nydus("nydus-v6-zran", ["manifest 1385", "blob 32591", "range 10-50522 50512"]),
  overlaybd,
  lazy(overlaybd, CRC, [
    "manifest 1158",
    "range 0-8192 8192",
    "range 81920-90112 8192",
    "range 0-8192 8192",
    "range 621056-629248 8192",
    "range 8977-17169 8192",
    "range 54698-62890 8192",
    "range 54768-72455 17687",
  ]),
  overlaybd64g,
  lazy(overlaybd64g, CRC, [
    "manifest 1162",
    "range 0-8192 8192",
    "range 699904-708096 8192",
    "range 0-8192 8192",
    "range 1188352-1196544 8192",
    "range 628000-699904 71904",
    "range 1117968-1188352 70384",
    "range 9611-17803 8192",
    "range 64129-72321 8192",
    "range 64129-81845 17716",
  ]),
  overlaybdZstd,
  lazy(overlaybdZstd, CRC, [
    "manifest 1158",
    "range 0-8192 8192",
    "range 51712-59904 8192",
    "range 0-8192 8192",
    "range 369664-377856 8192",
    "range 39259-47451 8192",
    "range 39397-53048 13651",
  ]),
  turboExt4,
  lazy(turboExt4, { content: "none" }, ["manifest 1696", "blob 4563", "blob 15338", "range 10-50538 50528"]),
  turboErofs,
  lazy(turboErofs, { content: "none" }, ["manifest 1696", "blob 2363", "blob 15746", "range 10-50538 50528"]),
  plain("plain-gzip", ["manifest 631", "referrers 0", "manifest 161", "blob 289114", "blob 50538"]),
  plain("plain-zstd", ["manifest 560", "referrers 0", "manifest 161", "blob 316607", "blob 50906"]),
];

/** Tags of fixtures may be whole names, as `test:gzip`. */
const tagOf = (name) => name.slice(name.indexOf(":") + 1);

/** How a layout is named in {@link startFormatsRegistry}, e.g. `127.0.0.1:5000/estargz:esgz`. */
export function referenceOf(host, folder) {
  return `${host}/${folder}:${tagOf(json("INDEX.json")[folder].images[0].tag)}`;
}

/** A registry that holds each layout as a repository of its own. */
export async function startFormatsRegistry() {
  const registry = await startDockerRegistry();
  for (const folder of new Set(FORMATS.map((format) => format.folder)))
    await pushLayout(registry.host, `${FOLDER}${folder}`, folder, tagOf);
  return registry;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const NYDUS = "application/vnd.nydus.image.manifest.v1+json";

/** Pushes an index of the plain image and a Nydus one of it, as nydusify makes them: its reference, and their digests. */
export async function pushBoth(host) {
  const entry = async (folder, more) => {
    await pushLayout(host, `${FOLDER}${folder}`, "both", tagOf);
    const [{ digest, size }] = json(`${folder}/index.json`).manifests;
    const platform = { os: "linux", architecture: "amd64" };
    return { mediaType: MANIFEST, digest, size, platform, ...more };
  };
  const manifests = [await entry("plain-gzip"), await entry("nydus-v6", { artifactType: NYDUS })];
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  const url = `http://${host}/v2/both/manifests/latest`;
  const answer = await fetch(url, { method: "PUT", body, headers: { "content-type": INDEX } });
  if (answer.status !== 201) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`);
  const [plain, nydus] = manifests.map(({ digest }) => digest);
  return { index: `${host}/both:latest`, digests: { plain, nydus } };
}
