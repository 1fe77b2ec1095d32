/** Verification of a file, in words. @module */
import type { Verification } from "ocipeek";

/** What vouches for a file. */
export interface VerifiedInWords {
  /**
   * `all`: every byte shown has a digest behind it. `attached`: one of an index that somebody attached to the image. `crc`:
   * checksums at least, which find damage and no forgery.
   */
  level: "all" | "attached" | "crc" | "none";
  /** One line. */
  short: string;
  /** From the tag or digest down to the content. */
  steps: [what: string, how: string][];
}

const INDEX: Record<NonNullable<Verification["index"]>, string> = {
  image: "named by the image’s own manifest, by digest",
  named: "named by digest by whoever opened the image",
  own: "built here of the layer, which had its digest in the manifest",
  checked: "attached by somebody, and equal to one that was built of the layer",
  attached:
    "not verified: attached by somebody who may write to the repository. Names, links, contents and what is missing are their word",
};

const METADATA: Record<Verification["metadata"], string> = {
  "ztoc-digest": "out of the layer’s zTOC, which equals its digest in the SOCI index",
  "layer-digest": "out of the layer, which equals its digest in the manifest",
  "toc-digest": "out of the layer’s table of contents, which equals its digest in the manifest",
  "own-index": "out of an index that was built here of the layer, which had its digest in the manifest",
  crc: "not verified: checksums (CRC) find damage, and no forgery",
  none: "not verified",
};

const CONTENT: Record<Verification["content"], string> = {
  "span-digest": "each span that is read equals its digest in the zTOC",
  "layer-digest": "out of the layer, which equals its digest in the manifest",
  "chunk-digest": "each chunk that is read equals its digest in the table of contents",
  crc: "not verified: checksums (CRC) find damage, and no forgery",
  none: "not verified",
};

const BY: Partial<Record<Verification["content"], string>> = {
  "span-digest": "span",
  "chunk-digest": "chunk",
  "layer-digest": "layer",
};

/** The words. */
export function verifiedInWords(verified: Verification, hasContent: boolean): VerifiedInWords {
  const { manifest, metadata, content, header, index } = verified;
  const steps: VerifiedInWords["steps"] = [
    [
      "Manifest",
      manifest === "digest"
        ? "equals the digest that was asked for"
        : "equals the digest that the registry gave for the tag",
    ],
    ...(index ? [["Index", INDEX[index]] as [string, string]] : []),
    ["Attributes", METADATA[metadata]],
  ];
  if (hasContent) {
    steps.push(["Content", CONTENT[content]]);
    if (header) steps.push(["Tar header", "agrees with the zTOC, before the first byte is shown"]);
  }
  const checks: string[] = hasContent ? [metadata, content] : [metadata];
  const weak = checks.includes("none") ? "none" : checks.includes("crc") ? "crc" : undefined;
  const level = weak ?? (index === "attached" ? "attached" : "all");
  return { level, short: shortWords(verified, hasContent, level), steps };
}

function shortWords(
  { metadata, content }: Verification,
  hasContent: boolean,
  level: VerifiedInWords["level"],
): string {
  if (level === "attached") return "By an attached index, not verified";
  if (level === "crc") return "Checksums only (CRC)";
  if (level === "none") {
    return hasContent && metadata !== "none" && metadata !== "crc" ? "Content not verified" : "Not verified";
  }
  if (!hasContent) return "Verified";
  return `Verified by ${(metadata === "layer-digest" && content === "span-digest" ? "layer" : BY[content]) ?? "span"} digests`;
}
