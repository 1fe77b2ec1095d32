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

/** A few words: `SOCI v2`, `eStargz`, `tar`, `whole`. */
export function readingOf({ read }: LayerInfo, soci: SociInfo | undefined): string {
  if (read === "ztoc") return `SOCI ${soci?.version ?? ""}`.trim();
  if (read === "tar") return "plain tar";
  return read === "whole" ? "whole" : FORMATS[read];
}

/** A sentence on it. */
export function readingWords({ read, ztoc, size }: LayerInfo, soci: SociInfo | undefined): string {
  switch (read) {
    case "ztoc": {
      const spans = ztoc?.spanSize === undefined ? "spans" : `spans of ${bytes(ztoc.spanSize)}`;
      const index = soci ? `a SOCI index (${soci.version})` : "a SOCI index";
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
