/**
 * Building of SOCI indexes: the zTOC of a layer, the index of an image, images that carry their index.
 * @packageDocumentation
 */

export * from "../types/build.js";
export { convertImage, createIndex } from "./create.js";
export { pushArtifacts } from "./push.js";
export { readZtoc } from "./read-ztoc.js";
export { MemoryStore } from "./store.js";
export type * from "./verified.js";
export { verifyIndex } from "./verify.js";
export { buildZtoc } from "./ztoc.js";
