/** Reading of a layer, in words: how, why so, and what vouches for it. @module */
import type { LayerInfo, LazyFormat, SociInfo } from "ocipeek";
import type { OpenedImage } from "../protocol/api.ts";
import { bytes } from "./format.ts";

/** Names of the other formats, as their makers write them. */
const NAMES: Record<LazyFormat, string> = {
  estargz: "eStargz",
  "zstd-chunked": "zstd:chunked",
  nydus: "Nydus",
  overlaybd: "OverlayBD",
  turbooci: "TurboOCI",
  zstd: "zstd, streamed",
};

/** What of an image tells how it is read. */
export type Read = Pick<OpenedImage, "soci" | "unverified">;

/**
 * `digest`: nothing is shown before it equaled one. `attached`: one that an attached index says. `crc`: checksums, which
 * find damage and no forgery.
 */
export type Voucher = "digest" | "attached" | "crc" | "none";

/** What of a layer tells what vouches for it. */
type Vouched = Pick<LayerInfo, "read" | "ztoc" | "reader">;

/** A name for a lazy format other than SOCI. */
export function formatName(read: string): string | undefined {
  return Object.hasOwn(NAMES, read) ? NAMES[read as LazyFormat] : undefined;
}

/** The name of the format that makes one tree of all layers, where it does: all layers are read by it then. */
export function treeFormat({ layers }: { layers: readonly Pick<LayerInfo, "read">[] }): string {
  return formatName(layers[0]?.read ?? "") ?? "";
}

/** Whether a layer is read by an index that was built here, and not by the image's. */
export function isIndexedHere({ read, ztoc }: Pick<LayerInfo, "read" | "ztoc">): boolean {
  return read === "ztoc" && ztoc?.verified === "own";
}

/** Whether nobody but who may write to the repository vouches for how a layer is read. */
export function isAttached({ read, ztoc, reader }: Vouched): boolean {
  if (read === "ztoc") return ztoc?.verified === "attached";
  return formatName(read) !== undefined && reader.found === "referrers";
}

/** A few words: `SOCI v2`, `eStargz`, `own index`, `plain tar`, `whole`. */
export function readingOf(layer: Pick<LayerInfo, "read" | "ztoc">, soci: SociInfo | undefined): string {
  const { read } = layer;
  if (isIndexedHere(layer)) return "own index";
  if (read === "ztoc") return `SOCI ${soci?.version ?? ""}`.trim();
  return formatName(read) ?? (read === "tar" ? "plain tar" : "whole");
}

/** What vouches for names and for contents of what a layer holds. */
export function vouchersOf(layer: Vouched, unverified: boolean): { names: Voucher; contents: Voucher } {
  const { read } = layer;
  if (isAttached(layer)) return { names: "attached", contents: "attached" };
  if (!unverified || read === "whole") return { names: "digest", contents: "digest" };
  if (read === "overlaybd") return { names: "crc", contents: "crc" };
  return { names: read === "tar" || read === "zstd" ? "none" : "digest", contents: "none" };
}

const VOUCHED: Record<Voucher, string> = {
  digest: "digests",
  attached: "whoever attached the index",
  crc: "checksums only",
  none: "nothing",
};

/** A few words on it: `verified`, `attached index`, `checksums only`, `contents unverified`. */
export function vouchedWords(layer: Vouched, unverified: boolean): string {
  const { names, contents } = vouchersOf(layer, unverified);
  if (names === "attached") return "attached index";
  if (names === "digest" && contents === "digest") return "verified";
  if (names === contents) return names === "crc" ? "checksums only" : "unverified";
  return "contents unverified";
}

/** A sentence on it. */
export function vouchedSentence(layer: Vouched, unverified: boolean): string {
  const { names, contents } = vouchersOf(layer, unverified);
  return `Names and attributes: ${VOUCHED[names]}. Contents: ${VOUCHED[contents]}.`;
}

/** A sentence on how a layer is read. */
export function readingWords(
  layer: Pick<LayerInfo, "read" | "digest" | "size" | "ztoc">,
  image: Read,
): string {
  const { read, ztoc, size } = layer;
  const { soci, unverified } = image;
  const all = bytes(size);
  switch (read) {
    case "ztoc": {
      const spans = ztoc?.spanSize === undefined ? "spans" : `spans of ${bytes(ztoc.spanSize)}`;
      const index = isIndexedHere(layer)
        ? "an index that this browser built"
        : `a SOCI index (${soci?.version ?? ""})`;
      const doubt = ztoc?.verified === "attached" ? " Somebody attached that index to the image." : "";
      return `By ${index}: of ${all} only the ${spans} that a file lies in are fetched, each against its digest.${doubt}`;
    }
    case "tar":
      return "It is not compressed: headers and files are fetched by ranges.";
    case "whole":
      return `As a whole: to list or read anything, all ${all} are fetched, once, and checked against the layer's digest.`;
    case "estargz":
    case "zstd-chunked":
      return `By its own table of contents: of ${all} only the chunks of a file are fetched, each against its digest.`;
    case "nydus":
      return "By a table of contents for the whole image, which is a layer of its own: only the chunks of a file are fetched, each against its digest.";
    case "overlaybd":
      return unverified
        ? "As a disk, block by block. There are no digests for blocks: checksums (CRC) find damage, and no forgery."
        : `As a disk, for whose blocks there are no digests: all ${all} are fetched, once, and checked against the layer's digest.`;
    case "turbooci":
      return unverified
        ? "By a table of contents, which equaled its digest; contents by ranges of the original image's layers, for which there are no digests."
        : "By a table of contents. The original image's layers, for whose parts there are no digests, are fetched whole when something of them is read, and checked.";
    case "zstd":
      return `By streaming: to list it, all ${all} pass by, once; for each file they do again, up to its end.`;
  }
}

/** Why a layer is read so: who says it. */
export function foundWords({ reader }: Pick<LayerInfo, "reader">): string {
  return (Object.hasOwn(FOUND, reader.found) ? FOUND[reader.found] : undefined) ?? reader.found;
}

const FOUND: Record<string, string> = {
  annotation: "the image's manifest says so",
  referrers: "the registry lists it as a referrer of the image",
  index: "the image's index lists the image in this format, too",
  named: "the address says so",
  caller: "the caller named it",
  built: "it was built in this browser",
  "media-type": "the manifest says nothing else of it",
};

/** What each badge says, of those that an image has. */
export function legendOf({
  layers,
  soci,
  unverified,
}: Pick<OpenedImage, "layers" | "soci" | "unverified">): [string, string][] {
  const said = new Map<string, string>();
  for (const layer of layers)
    said.set(readingOf(layer, soci), LEGEND[isIndexedHere(layer) ? "own" : layer.read]);
  for (const layer of layers) {
    const words = vouchedWords(layer, unverified);
    said.set(words, VOUCHED_LEGEND[words] ?? "");
  }
  return [...said];
}

const LEGEND: Record<LayerInfo["read"] | "own", string> = {
  ztoc: "A SOCI index beside the image lists the layer's files and a digest for each span.",
  own: "This browser built an index of the layer, which equaled its digest, and keeps it.",
  tar: "Not compressed: it is read where it lies.",
  whole: "Nothing tells where a file begins: all of the layer is fetched, once.",
  estargz: "A gzip layer that can be entered at each file; a table of contents at its end.",
  "zstd-chunked": "A zstd layer that can be entered at each file; a table of contents at its end.",
  nydus: "A table of contents for the whole image, and chunks in its layers.",
  overlaybd: "Layers of a disk with a file system on it.",
  turbooci: "A table of contents over the layers of an ordinary image.",
  zstd: "A zstd layer that is too large to be kept, and cannot be entered in its middle.",
};

const VOUCHED_LEGEND: Record<string, string> = {
  verified: "Nothing is shown before it equaled a digest that the manifest vouches for.",
  "attached index":
    "Somebody who may write to the repository attached the index by which it is read. It could show other names and contents than the layers hold.",
  "checksums only": "CRCs find damage. Whoever serves the image could change it unnoticed.",
  "contents unverified":
    "Names and attributes equaled a digest; whoever serves the image could change contents unnoticed.",
  unverified: "Whoever serves the image could change it unnoticed.",
};
