/** Which images are opened alike, and share what is known of them. @module */
import type { Host, RawOptions, SourceSpec } from "../../wasm/ocipeek.js";
import { identityOf } from "../common/identity.js";
import type { OpenOptions } from "../types/index.js";

/**
 * With whom an image of a registry is shared: whoever names it alike, with the same options and the very same `auth`, `cache`
 * and `fetch`. Each is told by the registry which image it is, and so may read it; those who ask at the same time are told
 * together, but not where a function finds the credentials, as it may find others for others. What is attached to the image
 * is looked for anew each time.
 */
export function sharingOf(
  spec: SourceSpec,
  raw: RawOptions,
  { auth, cache, fetch }: OpenOptions,
): Pick<Host, "sharing" | "joins"> {
  if (spec.kind !== "registry" || raw.attachedIndex) return {};
  const parts = [spec, raw, identityOf(auth), identityOf(cache), identityOf(fetch)];
  // Text of what JSON has no numbers for: a limit may be `Infinity`.
  const text = (_: string, value: unknown): unknown => (typeof value === "object" ? value : String(value));
  return { sharing: JSON.stringify(parts, text), joins: typeof auth !== "function" };
}
