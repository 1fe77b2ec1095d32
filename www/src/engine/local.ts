/** Images on the user's disk. @module */
import type { ImageSource } from "../protocol/api.ts";
import type { CallContext } from "../protocol/rpc.ts";

/** The names of the images that a file or folder holds. */
export async function imagesIn(_context: CallContext, source: ImageSource): Promise<string[]> {
  return source.kind === "registry" ? [source.reference] : [];
}
