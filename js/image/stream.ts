import type { FileCursor } from "../../wasm/ocipeek.js";
import type { Scope } from "../scope.js";
import type { FileStream } from "../types/index.js";
import { StatsOf } from "./stats.js";

/** A byte stream over a cursor that `open` gives; opened by the first read, or by asking for the attributes. */
export function openStream(
  scope: Scope,
  signal: AbortSignal | undefined,
  open: (stop: Promise<void>) => Promise<FileCursor>,
): FileStream {
  const cancelled = new AbortController();
  let opened: Promise<FileCursor> | undefined;
  const stopOn = (): void => cancelled.abort(signal?.reason);
  if (signal?.aborted) stopOn();
  else signal?.addEventListener("abort", stopOn, { once: true });

  const cursor = (): Promise<FileCursor> => {
    opened ??= scope.run(cancelled.signal, open);
    return opened;
  };
  const end = async (): Promise<void> => {
    signal?.removeEventListener("abort", stopOn);
    (await opened)?.free();
  };
  let statsOnce: Promise<StatsOf> | undefined;
  const stats = async (): Promise<StatsOf> => {
    statsOnce ??= cursor().then((c) => new StatsOf(c.stat()));
    return statsOnce;
  };

  const stream = new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        const from = await cursor();
        // The attributes outlive the cursor.
        void stats();
        const chunk = await scope.run(cancelled.signal, (stop) => from.next(stop));
        if (chunk !== undefined) {
          controller.enqueue(chunk);
          return;
        }
        controller.close();
        // A reader that brought its own buffer waits for an answer.
        controller.byobRequest?.respond(0);
        await end();
      } catch (error) {
        await end().catch(() => {});
        throw error;
      }
    },
    async cancel(reason) {
      cancelled.abort(reason);
      await end().catch(() => {});
    },
  });
  return Object.defineProperties(stream, {
    stats: { get: stats },
    verified: { get: async () => (await stats()).verified },
  }) as FileStream;
}
