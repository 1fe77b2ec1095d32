// What AWS's implementation made of the demo image, and the options that make the same here.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEMO } from "./docker-registry.mjs";
import { FALLBACK_TAG, layout, v1Indexes } from "./variants.mjs";

const KIB_128 = 128 << 10;
const MIB_4 = 4 << 20;
/** v0.11.1 did not say the span size beside a zTOC. */
const OLD = { annotateSpanSize: false, minLayerSize: 0 };

/** v1: the indexes' digests. */
export const created = [
  { name: "v1, 128 KiB", options: { ...OLD, spanSize: KIB_128 }, index: v1Indexes[0] },
  { name: "v1, 4 MiB", options: { ...OLD, spanSize: MIB_4 }, index: v1Indexes[1] },
];

/** v2: the tags of the converted images. */
export const converted = [
  { name: "v2, 128 KiB", options: { ...OLD, spanSize: KIB_128 }, tag: "latest-soci" },
  { name: "v2, 4 MiB", options: { ...OLD, spanSize: MIB_4, optimizeXattrs: true }, tag: "latest-soci-4m" },
  {
    name: "v2 by HEAD, with files to prefetch",
    options: { minLayerSize: 0, spanSize: KIB_128, prefetchFiles: ["/usr/lib/os-release", "/bin/toybox"] },
    tag: "latest-soci-head",
  },
].map((it) => ({ ...it, index: layout.tags.get(it.tag) }));

export { FALLBACK_TAG };

/** A blob or manifest of the demo layout. */
export const demoBlob = (digest) => {
  const file = join(DEMO, "blobs", "sha256", digest.slice(7));
  return existsSync(file) ? readFileSync(file) : undefined;
};
