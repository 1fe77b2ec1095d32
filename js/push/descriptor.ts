/** Descriptors and indexes of the OCI image specification, as far as they are written here. @module */
import { isObject, parsed } from "../common/json.js";
import { OcipeekError } from "../errors.js";
import type { Descriptor } from "../types/content.js";

/** Media types. */
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** An OCI index of manifests; other fields stay what they are. */
export interface Index {
  schemaVersion: 2;
  mediaType?: string;
  manifests: Descriptor[];
  [field: string]: unknown;
}

/** Manifests are small; this is what registries take. */
export const MAX_MANIFEST = 4 << 20;

/**
 * Reads an index.
 * @throws {@link OcipeekError} `CORRUPT_MANIFEST`
 */
export function parseIndex(bytes: Uint8Array, name: string): Index {
  const value = parseJson(bytes, name);
  const { manifests } = value;
  const isDescriptor = (it: unknown): it is Descriptor =>
    isObject(it) && typeof it.digest === "string" && typeof it.mediaType === "string";
  if (!Array.isArray(manifests) || !manifests.every(isDescriptor)) {
    throw corrupt(name, "it is no image index");
  }
  return value as Index;
}

/** Reads a JSON object. */
export function parseJson(bytes: Uint8Array, name: string): Record<string, unknown> {
  const value = parsed(bytes);
  if (value === undefined) throw corrupt(name, "it is no JSON");
  if (!isObject(value)) throw corrupt(name, "it is no JSON object");
  return value;
}

function corrupt(name: string, why: string): OcipeekError {
  return new OcipeekError("CORRUPT_MANIFEST", `${name}: ${why}`, { reference: name });
}
