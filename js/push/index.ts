/**
 * Pushing: images and artifacts, written to a repository of a registry.
 * @packageDocumentation
 */

export type {
  Blob,
  BlobOutcome,
  Descriptor,
  Destination,
  DestinationOptions,
  Manifest,
} from "../types/content.js";
export { blobOf, manifestOf } from "./content.js";
export { fallbackTag } from "./referrer.js";
export { type ConnectionOptions, RegistryDestination, registryDestination } from "./registry.js";
