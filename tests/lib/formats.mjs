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

/**
 * `loses`: what the format or its tool does not keep: `hardlinks` (which of a file's names was the first).
 * `cold`: what opening the image and reading {@link COLD} asks for: purposes and, of bodies, bytes.
 * `options`: of `open`.
 * @type {{ folder: string, read: string, metadata: string, content: string, loses: string[], cold: string[], options?: object }[]}
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
  for (const { folder } of FORMATS) await pushLayout(registry.host, `${FOLDER}${folder}`, folder, tagOf);
  return registry;
}
