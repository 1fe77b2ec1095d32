/** Referrers where a registry, or a layout, has no API for them (OCI distribution, "Referrers Tag Schema"). @module */
import type { Descriptor, Manifest } from "../types/content.js";

/**
 * `sha256-<hex>`: the tag whose index lists the referrers of a digest.
 *
 * @example
 * ```js
 * import { fallbackTag } from "ocipeek/push";
 *
 * console.log(fallbackTag(`sha256:${"0".repeat(64)}`).slice(0, 10)); // sha256-000
 * ```
 */
export function fallbackTag(digest: string): string {
  return digest.replace(":", "-").slice(0, 128);
}

/** The descriptor that a list of referrers has of a manifest. `json`: the manifest, parsed. */
export function referrerOf(manifest: Manifest, json: Record<string, unknown>): Descriptor {
  const config = json.config as Descriptor | undefined;
  const artifactType = (json.artifactType as string | undefined) || config?.mediaType;
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(artifactType ? { artifactType } : {}),
    ...(json.annotations ? { annotations: json.annotations as Record<string, string> } : {}),
  };
}
