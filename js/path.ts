/** Paths in images, as raw bytes. @module */
import { invalid } from "./errors.js";
import type { ImagePath } from "./types/index.js";

const encoder = new TextEncoder();

/** A path as raw bytes. */
export function pathBytes(path: ImagePath): Uint8Array {
  if (typeof path === "string") return encoder.encode(path);
  if (path instanceof Uint8Array || ArrayBuffer.isView(path)) return path;
  throw invalid("a path must be a string or a Uint8Array");
}

/** The last component of a cleaned path. */
export function baseName(path: Uint8Array): Uint8Array {
  return path.subarray(path.lastIndexOf(0x2f) + 1);
}
