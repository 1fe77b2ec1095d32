// The ways in which the demo image can be opened.
import { readLayout } from "../../scripts/lib/layout-registry.mjs";
import { DEMO, REPOSITORY } from "./docker-registry.mjs";

/** The image manifest that the tag `latest` names. */
export const IMAGE = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";
/** The referrers fallback tag of it. */
export const FALLBACK_TAG = IMAGE.replace(":", "-");

export const layout = readLayout(DEMO);

/** Digests of the two SOCI v1 indexes, in the order in which the registry lists them. */
export const v1Indexes = layout.manifests
  .get(layout.tags.get(FALLBACK_TAG))
  .json.manifests.map((m) => m.digest);

/** What `checkReaders` wants: two files of different layers. */
export const forReaders = (host, lines) => ({
  reference: `${host}/${REPOSITORY}:latest-soci`,
  options: { platform: "linux/amd64" },
  files: ["usr/share/demo/tz/Winnipeg", "etc/services"].map(
    /** @returns {[path: string, sha256: string]} */
    (path) => [`/${path}`, lines.find((line) => line.path === path).sha256],
  ),
});

/** Every index, none, and those that are built here: name, reference and options. Layers' lists are the same for all. */
export function variants(host) {
  const platform = "linux/amd64";
  const at = (name, tag, options = {}) => ({
    name,
    reference: `${host}/${REPOSITORY}:${tag}`,
    options: { platform, ...options },
  });
  return [
    at("v1, found by the fallback tag", "latest", { attachedIndex: true }),
    ...v1Indexes.map((digest, i) => at(`v1, index ${i + 1} of 2 by digest`, "latest", { sociIndex: digest })),
    at("v2, 128 KiB spans", "latest-soci"),
    at("v2, 4 MiB spans", "latest-soci-4m"),
    at("v2, made by HEAD", "latest-soci-head"),
    at("no index, whole layers", "latest", { sociIndex: false }),
    at("no index, built when opened", "latest", { sociIndex: false, index: "build" }),
  ];
}
