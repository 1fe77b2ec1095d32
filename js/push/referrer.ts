/** Referrers where a registry, or a layout, has no API for them (OCI distribution, "Referrers Tag Schema"). @module */
import type { OcipeekError } from "../errors.js";
import type { Descriptor, Manifest } from "../types/content.js";
import { parseJson } from "./descriptor.js";

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

/**
 * The digest of a manifest's subject, and what a list of referrers has of the manifest.
 * @throws what `fail` makes of why it is no referrer
 */
export function parseReferrer(
  manifest: Manifest,
  fail: (why: string) => OcipeekError,
): { subject: string; referrer: Descriptor } {
  const json = parseJson(manifest.bytes, manifest.digest);
  const subject = (json.subject as Descriptor | undefined)?.digest;
  if (subject === undefined) throw fail("the manifest has no subject");
  return { subject, referrer: referrerOf(manifest, json) };
}

/** The list with a referrer, if it does not have it. */
export function withReferrer(list: Descriptor[], referrer: Descriptor): Descriptor[] {
  return list.some((it) => it.digest === referrer.digest) ? list : [...list, referrer];
}

/** The descriptor that a list of referrers has of a manifest. `json`: the manifest, parsed. */
function referrerOf(manifest: Manifest, json: Record<string, unknown>): Descriptor {
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
