import type { FileCursor } from "../../wasm/ocipeek.js";
import { onAbort } from "../common/on-abort.js";
import { isIsolated } from "../runtime.js";
import type { Scope } from "../scope.js";
import type { FileStream } from "../types/index.js";
import { StatsOf } from "./stats.js";

/** Cursor over bytes. */
interface Cursor {
  next(stop: Promise<void>): Promise<Uint8Array<ArrayBuffer> | undefined>;
  free(): void;
}

/** Controller of a stream, of bytes or not. */
interface Sink {
  enqueue(chunk: Uint8Array<ArrayBuffer>): void;
  close(): void;
  readonly byobRequest?: { respond(bytes: number): void } | null;
}

/** The source of a stream over a cursor that `open` gives; opened by the first read, or by who asks for it. */
export class CursorSource<C extends Cursor> {
  readonly #scope: Scope;
  readonly #open: (stop: Promise<void>) => Promise<C>;
  readonly #cancelled = new AbortController();
  readonly #callOff: () => void;
  #opened: Promise<C> | undefined;

  constructor(scope: Scope, signal: AbortSignal | undefined, open: (stop: Promise<void>) => Promise<C>) {
    this.#scope = scope;
    this.#open = open;
    this.#callOff = onAbort(signal, () => this.#cancelled.abort(signal?.reason));
  }

  /** The cursor. */
  cursor(): Promise<C> {
    this.#opened ??= this.#scope.run(this.#cancelled.signal, this.#open);
    return this.#opened;
  }

  /** Gives the next piece, or ends the stream. `onOpen` is told that there is a cursor. */
  async pull(sink: Sink, onOpen: () => void = () => {}): Promise<void> {
    try {
      const cursor = await this.cursor();
      onOpen();
      const chunk = await this.#scope.run(this.#cancelled.signal, (stop) => cursor.next(stop));
      if (chunk !== undefined) {
        sink.enqueue(chunk);
        return;
      }
      sink.close();
      // A reader that brought its own buffer waits for an answer.
      sink.byobRequest?.respond(0);
      await this.#end();
    } catch (error) {
      await this.#end().catch(() => {});
      throw error;
    }
  }

  /** Nobody reads it any more. */
  async cancel(reason: unknown): Promise<void> {
    this.#cancelled.abort(reason);
    await this.#end().catch(() => {});
  }

  async #end(): Promise<void> {
    this.#callOff();
    (await this.#opened)?.free();
  }
}

/** A byte stream over a cursor that `open` gives; opened by the first read, or by asking for the attributes. */
export function openStream(
  scope: Scope,
  signal: AbortSignal | undefined,
  open: (stop: Promise<void>) => Promise<FileCursor>,
): FileStream {
  const source = new CursorSource(scope, signal, open);
  let statsOnce: Promise<StatsOf> | undefined;
  const stats = async (): Promise<StatsOf> => {
    statsOnce ??= source.cursor().then((cursor) => new StatsOf(cursor.stat()));
    return statsOnce;
  };
  const stream = streamOf({
    // The attributes outlive the cursor.
    pull: (sink) => source.pull(sink, () => void stats()),
    cancel: (reason) => source.cancel(reason),
  });
  return Object.defineProperties(stream, {
    stats: { get: stats },
    verified: { get: async () => (await stats()).verified },
    ...(Symbol.asyncIterator in stream ? {} : { [Symbol.asyncIterator]: { value: () => chunksOf(stream) } }),
  }) as FileStream;
}

/** Underlying source of a {@link FileStream}. */
interface ByteProducer {
  pull(sink: Sink): Promise<void>;
  cancel(reason: unknown): Promise<void>;
}

/**
 * Bytes that one read gives at most on the edge's platform, which else cuts what it is given into pieces of 4 KiB. With more
 * the collector falls behind: buffers of 64 KiB cost an isolate 30 MiB more at its peak.
 */
const EDGE_CHUNK = 8 << 10;

/** A byte stream, or a plain one in a browser without these, as WebKit. Nothing is read ahead. */
function streamOf(source: ByteProducer): ReadableStream<Uint8Array> {
  try {
    const chunks = isIsolated() ? { autoAllocateChunkSize: EDGE_CHUNK } : {};
    return new ReadableStream({ ...source, ...chunks, type: "bytes" });
  } catch {
    return new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
  }
}

/** The async iteration of a stream, for browsers whose streams have none; leaving it cancels the stream. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
