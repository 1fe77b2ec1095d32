import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { FileTree } from "../image/tree.js";
import type { ImagePath, ReadOptions } from "../types/index.js";

/**
 * A file's content as a stream of Node, for `pipe` and `pipeline`; of an image or one of its layers.
 *
 * @example
 * ```js
 * import { createWriteStream } from "node:fs";
 * import { pipeline } from "node:stream/promises";
 * import { withImage } from "ocipeek";
 * import { createReadStream } from "ocipeek/node";
 *
 * await withImage("ghcr.io/owner/app:1", (image) =>
 *   pipeline(createReadStream(image, "/bin/toybox"), createWriteStream("toybox")),
 * );
 * ```
 */
export function createReadStream(tree: FileTree, path: ImagePath, options: ReadOptions = {}): Readable {
  // The types of Node and of the web differ in methods that this does not use.
  return Readable.fromWeb(tree.createReadStream(path, options) as unknown as ReadableStream);
}
