/**
 * The public types of the package. Names follow Node's `fs/promises` and web types.
 * @module
 */
export type { BuildProgress, LayerProgress, ZtocEntry } from "./build.js";
export type * from "./cache.js";
export type * from "./changes.js";
export type * from "./error.js";
export type * from "./files.js";
export type * from "./image.js";
export type * from "./indexing.js";
export type * from "./open.js";
export type * from "./operation.js";
export type * from "./reader.js";
export type * from "./registry.js";
