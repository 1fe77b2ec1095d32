import { invalid } from "./errors.js";
import type { ImagePath } from "./types/index.js";

// Not fatal: a name that is not UTF-8 shows U+FFFD, and its true bytes stand beside it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes as text; what is not UTF-8 becomes U+FFFD. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

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
