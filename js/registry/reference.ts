import { parseReference as parseInWasm } from "../../wasm/ocipeek.js";
import { calling } from "../errors.js";
import { ready } from "../runtime.js";
import type { Reference } from "../types/index.js";
import { splitScheme } from "./scheme.js";

/**
 * Reads a reference as Docker users write it, or with `http://` or `https://` before one that ends in a tag or digest.
 * @example
 * ```js
 * import { parseReference } from "ocipeek";
 *
 * const { registry, repository, tag } = await parseReference("alpine:3");
 * console.log(registry, repository, tag); // docker.io library/alpine 3
 * ```
 *
 * @throws {@link OcipeekError} `INVALID_REFERENCE`
 */
export async function parseReference(text: string): Promise<Reference> {
  await ready();
  const { reference, scheme } = splitScheme(text);
  return { ...calling(() => parseInWasm(reference)), ...(scheme ? { scheme } : {}) };
}
