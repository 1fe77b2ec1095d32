/** Consequences of an image's format for how it can be looked at. @module */
import type { LayerInfo, LazyFormat } from "ocipeek";

/**
 * The format that has no digests for parts of what it reads. By default such layers are read as a whole and verified; by
 * parts, nothing but checksums would vouch for contents.
 */
export function formatWithoutDigests(layers: readonly Pick<LayerInfo, "read">[]): LazyFormat | undefined {
  for (const { read } of layers) if (read === "overlaybd" || read === "turbooci") return read;
  return undefined;
}

/** Whether listing a layer fetches all of it. TurboOCI's own layers are lists; what they list lies in the original image. */
export function isFetchedWhole(
  { read }: Pick<LayerInfo, "read">,
  { unverified }: { unverified: boolean },
): boolean {
  return read === "whole" || (read === "overlaybd" && !unverified);
}
