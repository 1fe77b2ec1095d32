/**
 * Open a container image where it lies and read single files out of it by HTTP Range, verified, without pulling it.
 * @packageDocumentation
 */

export { CacheApiCache, MemoryCache, type WebCache } from "./cache.js";
export { type ErrorDetails, OcipeekError } from "./errors.js";
export { compileGlob, type Glob } from "./image/glob.js";
export type { Image, LayerView } from "./image/image.js";
export { imagesIn, open } from "./image/open.js";
export { type BlobName, type OpenSourceOptions, openSource, type Source } from "./image/source.js";
export type { FileTree, ReaddirOptions, TextEncoding } from "./image/tree.js";
export { withImage } from "./image/with-image.js";
export { type MemoryOptions, memoryHeld, setMemoryLimit } from "./memory.js";
export { dockerConfigAuth } from "./registry/docker-config.js";
export { type RegistryFetch, type RegistryFetchOptions, registryFetch } from "./registry/fetch.js";
export { parseReference } from "./registry/reference.js";
export type { Descriptor, Manifest } from "./types/content.js";
export type * from "./types/index.js";
