/**
 * Builds SOCI indexes: the zTOC of a layer, the index of an image, images that carry their index.
 * @packageDocumentation
 */
export { readZtoc } from "./read-ztoc.js";
export { MemoryStore } from "./store.js";
export * from "./types.js";
export { buildZtoc } from "./ztoc.js";
