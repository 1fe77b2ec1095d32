/** How a file was verified, in words. @module */
import type { Verification } from "ocipeek";

/** What vouches for a file. */
export interface VerifiedInWords {
  /** `all`: every byte shown has a digest behind it. `crc`: checksums, which find damage and no forgery. */
  level: "all" | "crc" | "none";
  /** One line. */
  short: string;
  /** From the tag or digest down to the content. */
  steps: [what: string, how: string][];
}

/** The words. */
export function verifiedInWords(verified: Verification, hasContent: boolean): VerifiedInWords {
  const { manifest, metadata, content, header } = verified;
  const isAll = metadata !== "none" && (content !== "none" || !hasContent);
  const steps: VerifiedInWords["steps"] = [
    [
      "Manifest",
      manifest === "digest"
        ? "equals the digest that was asked for"
        : "equals the digest that the registry gave for the tag",
    ],
    [
      "Attributes",
      {
        "ztoc-digest": "out of the layer’s zTOC, which equals its digest in the SOCI index",
        "layer-digest": "out of the layer, which equals its digest in the manifest",
        "toc-digest": "out of the layer’s table of contents, which equals its digest in the manifest",
        "own-index": "out of an index that was built here of the layer, which had its digest in the manifest",
        crc: "only checksums, which find damage and no forgery",
        none: "not verified",
      }[metadata],
    ],
  ];
  if (hasContent) {
    steps.push([
      "Content",
      {
        "span-digest": "each span that is read equals its digest in the zTOC",
        "layer-digest": "out of the layer, which equals its digest in the manifest",
        "chunk-digest": "each chunk that is read equals its digest in the table of contents",
        crc: "only checksums, which find damage and no forgery",
        none: "not verified",
      }[content],
    ]);
    if (header) steps.push(["Tar header", "agrees with the zTOC, before the first byte is shown"]);
  }
  const byChunk = content === "chunk-digest" ? "chunk" : undefined;
  const by = byChunk ?? (content === "layer-digest" || metadata === "layer-digest" ? "layer" : "span");
  if (isAll && (metadata === "crc" || (hasContent && content === "crc"))) {
    return { level: "crc", short: "Checksums only", steps };
  }
  return {
    level: isAll ? "all" : "none",
    short: isAll ? (hasContent ? `Verified by ${by} digests` : "Verified") : "Not verified",
    steps,
  };
}
