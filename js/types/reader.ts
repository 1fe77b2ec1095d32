/** Options of further readers. @module */
import type { Progress } from "./open.js";
import type { Fetch } from "./registry.js";

/** Options of {@link Image.reader}: what is not given is as the image was opened. */
export interface ReaderOptions {
  /** Used for this reader's requests. */
  fetch?: Fetch | undefined;
  /** Stops all that this reader does, for good. */
  signal?: AbortSignal | undefined;
  /** Limits of this reader, beside those of the image. */
  limits?: Record<string, number> | undefined;
  /** Told of this reader's requests and bytes as they come. */
  onProgress?: ((progress: Progress) => void) | undefined;
}
