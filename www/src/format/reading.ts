/** How a layer is read, in words. @module */
import type { LayerInfo, LazyFormat, SociInfo } from "ocipeek";
import { bytes } from "./format.ts";

/** Names of the other lazy formats, as they call themselves. */
export const FORMATS: Record<LazyFormat, string> = {
  estargz: "eStargz",
  "zstd-chunked": "zstd:chunked",
  nydus: "Nydus",
  overlaybd: "OverlayBD",
  turbooci: "TurboOCI",
};

/** Whether a layer is read by an index that was built here, and not by the image's. */
export function isIndexedHere({ read, digest }: LayerInfo, soci: SociInfo | undefined): boolean {
  return read === "ztoc" && soci?.layers.includes(digest) !== true;
}

/** A few words: `SOCI v2`, `own index`, `eStargz`, `tar`, `whole`. */
export function readingOf(layer: LayerInfo, soci: SociInfo | undefined): string {
  const { read } = layer;
  if (isIndexedHere(layer, soci)) return "own index";
  if (read === "ztoc") return `SOCI ${soci?.version ?? ""}`.trim();
  if (read === "tar") return "plain tar";
  return read === "whole" ? "whole" : FORMATS[read];
}

/** A sentence on it. */
export function readingWords(layer: LayerInfo, soci: SociInfo | undefined): string {
  const { read, ztoc, size } = layer;
  switch (read) {
    case "ztoc": {
      const spans = ztoc?.spanSize === undefined ? "spans" : `spans of ${bytes(ztoc.spanSize)}`;
      const index = isIndexedHere(layer, soci)
        ? "an index that this browser built"
        : `a SOCI index (${soci?.version ?? ""})`;
      return `By ${index}: of ${bytes(size)} only the ${spans} that a file lies in are fetched, each against its digest.`;
    }
    case "tar":
      return "It is not compressed: headers and files are fetched by ranges.";
    case "whole":
      return `As a whole: to list or read anything, all ${bytes(size)} are fetched, once, and checked against the layer's digest.`;
    default:
      return `By its format, ${FORMATS[read]}: of ${bytes(size)} only the pieces that a file lies in are fetched.`;
  }
}
