/** Requests that do not get the memory that they need, because others have it. @module */
import { isOutOfMemory } from "../errors.ts";
import type { Images } from "./images.ts";
import type { RequestScope } from "./request-scope.ts";

/** So long a request first waits for memory, and at last, in milliseconds. */
const WAIT_MS = 50;
const MOST_MS = 3200;

/** Tries again for a while, where others have images whose memory may be free soon. */
export async function withMemory(
  images: Images,
  scope: RequestScope,
  answer: () => Promise<Response>,
): Promise<Response> {
  for (let wait = WAIT_MS; ; wait *= 2) {
    try {
      return await answer();
    } catch (error) {
      if (!isOutOfMemory(error) || wait > MOST_MS || !images.yield(scope)) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
      scope.signal.throwIfAborted();
    }
  }
}
