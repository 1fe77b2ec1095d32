import { invalid } from "../errors.js";
import type { ImageSource, OpenOptions } from "../types/index.js";
import type { Image } from "./image.js";
import { open } from "./open.js";

/**
 * An image that is open while `use` runs, and closed then, whatever happened: {@link open} and `close` in one. Gives what `use`
 * gives.
 *
 * @example
 * ```js
 * import { withImage } from "ocipeek";
 *
 * const text = await withImage("ghcr.io/owner/app:1", (image) => image.readFile("/etc/os-release", "utf8"));
 * console.log(text.split("\n")[0]); // PRETTY_NAME="ocipeek demo 2"
 * ```
 *
 * @throws {@link OcipeekError}, and what `use` throws
 */
export async function withImage<T>(source: ImageSource, use: (image: Image) => T | Promise<T>): Promise<T>;
export async function withImage<T>(
  source: ImageSource,
  options: OpenOptions,
  use: (image: Image) => T | Promise<T>,
): Promise<T>;
export async function withImage<T>(
  source: ImageSource,
  ...rest: [(image: Image) => T | Promise<T>] | [OpenOptions, (image: Image) => T | Promise<T>]
): Promise<T> {
  const [options, use] = rest.length === 1 ? [{}, rest[0]] : rest;
  if (typeof use !== "function") throw invalid("withImage wants a function that is given the image");
  const image = await open(source, options);
  try {
    return await use(image);
  } finally {
    await image.close();
  }
}
