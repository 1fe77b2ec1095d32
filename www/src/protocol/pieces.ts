/** A stream of bytes through a port: the reader asks for each piece when it has room for it. @module */
import { type ApiFailure, EngineError } from "./api.ts";

/** What the reader says. */
type Ask = { kind: "pull" } | { kind: "cancel" };

/** What the sender says. */
type Piece =
  | { kind: "piece"; data: Uint8Array<ArrayBuffer> }
  | { kind: "end" }
  | { kind: "failed"; failure: ApiFailure };

/** Bytes of a piece, the last one left out: a message for each block of an archive would take longer than its content. */
const PIECE = 256 << 10;

/**
 * Sends what `source` gives, as it is asked for; resolves when all is sent, or when the reader wants no more. The signal
 * of `source` is aborted then.
 */
export function sendPieces(
  port: MessagePort,
  source: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  failureOf: (thrown: unknown) => ApiFailure,
): Promise<void> {
  const stop = new AbortController();
  const pieces = gather(source(stop.signal));
  return new Promise((resolve) => {
    const end = (): void => {
      stop.abort();
      port.close();
      resolve();
      void pieces.return(undefined).catch(() => {});
    };
    port.onmessage = async ({ data }: MessageEvent<Ask>) => {
      if (data.kind === "cancel") return end();
      try {
        const { done, value } = await pieces.next();
        if (stop.signal.aborted) return;
        if (!done) return port.postMessage({ kind: "piece", data: value } satisfies Piece, [value.buffer]);
        port.postMessage({ kind: "end" } satisfies Piece);
      } catch (thrown) {
        if (stop.signal.aborted) return;
        port.postMessage({ kind: "failed", failure: failureOf(thrown) } satisfies Piece);
      }
      end();
    };
  });
}

/** What comes through the port. Nothing is asked for before it is read; an error of the sender's is an {@link EngineError}. */
export function receivePieces(port: MessagePort): ReadableStream<Uint8Array<ArrayBuffer>> {
  let settle: { resolve(): void; reject(error: Error): void } | undefined;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        port.onmessage = ({ data }: MessageEvent<Piece>) => {
          if (data.kind === "piece") {
            controller.enqueue(data.data);
            return settle?.resolve();
          }
          port.close();
          if (data.kind === "failed") return settle?.reject(new EngineError(data.failure));
          controller.close();
          settle?.resolve();
        };
      },
      pull: () =>
        new Promise<void>((resolve, reject) => {
          settle = { resolve, reject };
          port.postMessage({ kind: "pull" } satisfies Ask);
        }),
      cancel() {
        port.postMessage({ kind: "cancel" } satisfies Ask);
        port.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The same bytes in pieces of a good size, each in a buffer of its own. */
async function* gather(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (): Uint8Array<ArrayBuffer> => {
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    parts = [];
    length = 0;
    return all;
  };
  for await (const part of source) {
    parts.push(part);
    length += part.length;
    if (length >= PIECE) yield take();
  }
  if (length > 0) yield take();
}
