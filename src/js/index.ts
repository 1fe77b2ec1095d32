/**
 * Open a container image where it lies and read single files out of it by HTTP Range, verified, without pulling it.
 * @packageDocumentation
 */
export { type Authorization, type AuthorizeOptions, authorize } from "./authorize.js";
export { CacheApiCache, MemoryCache, type WebCache } from "./cache.js";
export { dockerConfigAuth } from "./docker-config.js";
export { type ErrorDetails, OcipeekError } from "./errors.js";
export type { Image, LayerView } from "./image.js";
export { imagesIn, open } from "./open.js";
export { parseReference, type Reference } from "./reference.js";
export type { FileTree, ReaddirOptions, TextEncoding } from "./tree.js";
export type * from "./types.js";
