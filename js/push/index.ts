/**
 * Writes images and artifacts: to a repository of a registry.
 * @packageDocumentation
 */
export type { ConnectionOptions } from "./connection.js";
export {
  type Blob,
  type BlobOutcome,
  blobOf,
  type Destination,
  type DestinationOptions,
  type Manifest,
  manifestOf,
} from "./content.js";
export type { Descriptor } from "./descriptor.js";
export { fallbackTag } from "./referrer.js";
export { RegistryDestination, registryDestination } from "./registry.js";
