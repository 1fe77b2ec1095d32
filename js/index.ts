/**
 * Open a container image where it lies and read single files out of it by HTTP Range, verified, without pulling it.
 * @packageDocumentation
 */
export { type Authorization, type AuthorizeOptions, authorize } from "./authorize.js";
export { CacheApiCache, MemoryCache, type WebCache } from "./cache.js";
export { dockerConfigAuth } from "./docker-config.js";
export { type ErrorDetails, OcipeekError } from "./errors.js";
export type { Image, LayerView } from "./image.js";
export { type MemoryOptions, memoryHeld, setMemoryLimit } from "./memory.js";
export { imagesIn, open } from "./open.js";
export type { Manifest } from "./push/content.js";
export type { Descriptor } from "./push/descriptor.js";
export { parseReference, type Reference } from "./reference.js";
export { type BlobName, type OpenSourceOptions, openSource, type Source } from "./source.js";
export type { FileTree, ReaddirOptions, TextEncoding } from "./tree.js";
export type * from "./types.js";
