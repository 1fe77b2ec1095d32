/** Bodies: begun before the head is sent, streamed with back-pressure, ended once. @module */
import { brokeOff, type HttpError } from "../errors.ts";
import type { RequestScope } from "../request/request-scope.ts";

/** Where bytes come from; a reader of a stream, or an iterator over chunks. */
export interface Source {
  next(): Promise<Uint8Array | undefined>;
  /** Gives up what it reads from for now. Of what it has given, the last `unread` bytes are wanted again. */
  park?(unread: number): void;
  /** The rest is not wanted. */
  cancel(reason: unknown): Promise<void>;
}

/** So many bytes a caller is given at once, at most: what it does not take stays in memory until it leaves. */
const PORTION = 256 << 10;

/** Chunks of a stream. */
export function fromStream(stream: ReadableStream<Uint8Array>): Source {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? undefined : value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/** Chunks of a generator. */
export function fromGenerator(generator: AsyncGenerator<Uint8Array, void, undefined>): Source {
  return {
    next: async () => {
      const { done, value } = await generator.next();
      return done ? undefined : value;
    },
    cancel: async () => {
      await generator.return();
    },
  };
}

/**
 * The body of an answer. Resolves when its first bytes are there, so that what fails until then still decides the
 * status; what fails later breaks the body off. `length` is known for files: a body that is complete with its first
 * bytes is then no stream at all. Where it is not known, a caller may see no difference between an end and a break:
 * `lastWords` are then a way to say so, and the body ends with them.
 */
export async function startBody(
  source: Source,
  scope: RequestScope,
  options: { length?: number; lastWords?: (error: HttpError) => Uint8Array } = {},
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>> {
  const { length, lastWords } = options;
  const next = async (): Promise<Uint8Array | undefined> => {
    let chunk = await source.next();
    while (chunk?.length === 0) chunk = await source.next();
    scope.checkInflated();
    // A caller that takes all at once must not keep the others waiting.
    await scope.turns.spend();
    return chunk;
  };
  let sent = 0;
  /** What was read and not given out. */
  let ahead: Uint8Array | undefined;
  try {
    ahead = await next();
  } catch (error) {
    await source.cancel(error).catch(() => {});
    throw error;
  }
  if (ahead === undefined || ahead.length === length) {
    await source.cancel(undefined);
    scope.sent += ahead?.length ?? 0;
    scope.end();
    return (ahead ?? new Uint8Array()) as Uint8Array<ArrayBuffer>;
  }
  let isOver = false;
  const finish = async (error?: HttpError): Promise<void> => {
    if (isOver) return;
    isOver = true;
    stall.end();
    await source.cancel(error).catch(() => {});
    scope.end(error);
  };
  const stall = scope.stall(() => {
    if (isOver || !source.park) return;
    source.park(ahead?.length ?? 0);
    ahead = undefined;
  });
  // Of a body that nobody takes any more nothing can be said, and trying to would throw.
  let isLeft = false;
  const breakOff = (controller: ReadableStreamDefaultController<Uint8Array>, reason: HttpError): void => {
    if (isLeft) return;
    if (lastWords) {
      controller.enqueue(lastWords(reason));
      controller.close();
    } else {
      controller.error(reason);
    }
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Also while the caller takes nothing: the image is not kept waiting.
        const stop = (): void => {
          if (isOver) return;
          const reason = scope.errorOf(undefined);
          breakOff(controller, reason);
          void finish(reason);
        };
        scope.signal.addEventListener("abort", stop, { once: true });
      },
      async pull(controller) {
        stall.end();
        try {
          const chunk = ahead ?? (await next());
          ahead = undefined;
          if (chunk) {
            // A copy, so that the rest need not stay.
            const portion = chunk.length > PORTION ? chunk.slice(0, PORTION) : chunk;
            if (portion !== chunk) ahead = chunk.subarray(PORTION);
            sent += portion.length;
            scope.sent += portion.length;
            controller.enqueue(portion);
          }
          if (chunk && sent !== length) {
            stall.begin();
            return;
          }
          await finish();
          controller.close();
        } catch (error) {
          const reason = scope.errorOf(error);
          const isFirst = !isOver;
          await finish(reason);
          if (isFirst) breakOff(controller, reason);
        }
      },
      async cancel() {
        // The caller left. What runs is stopped before the image is another request's.
        isLeft = true;
        scope.leave();
        await finish(scope.errorOf(undefined));
      },
    },
    { highWaterMark: 0 },
  );
  stall.begin();
  return length === undefined ? stream : withLength(stream, length, pass);
}

/** A body as it came, with its end noticed. `length` is known where its headers say it. */
export function relay(
  body: ReadableStream<Uint8Array>,
  scope: RequestScope,
  length?: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read().catch(brokeOff);
          if (done) {
            controller.close();
            scope.end();
          } else {
            scope.sent += value.length;
            controller.enqueue(value);
          }
        } catch (error) {
          const reason = scope.errorOf(error);
          scope.end(reason);
          throw reason;
        }
      },
      async cancel(reason) {
        scope.leave();
        await reader.cancel(reason).catch(() => {});
        scope.end(scope.errorOf(reason));
      },
    },
    { highWaterMark: 0 },
  );
  return length === undefined ? stream : withLength(stream, length);
}

/** On the edge's platform a stream has a length only if the platform is told by a stream of its own. */
function withLength(
  stream: ReadableStream<Uint8Array>,
  length: number,
  pipe: typeof pass = (from, to) => from.pipeTo(to),
): ReadableStream<Uint8Array> {
  const { FixedLengthStream } = globalThis as {
    FixedLengthStream?: new (length: number) => TransformStream<Uint8Array, Uint8Array>;
  };
  if (!FixedLengthStream) return stream;
  const { readable, writable } = new FixedLengthStream(length);
  // A failure reaches the reader through the pipe, and the log through the scope.
  void pipe(stream, writable).catch(() => {});
  return readable;
}

/**
 * As `pipeTo`, of chunks that nobody else has: their memory is free as soon as they are taken. Engines count it badly, and
 * let it pile up to half of what an isolate has.
 */
async function pass(from: ReadableStream<Uint8Array>, to: WritableStream<Uint8Array>): Promise<void> {
  const [reader, writer] = [from.getReader(), to.getWriter()];
  // Also while nothing comes: the taker may leave.
  writer.closed.catch((reason) => reader.cancel(reason)).catch(() => {});
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await writer.write(value);
      (value.buffer as { transfer?: (size: number) => unknown }).transfer?.(0);
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    await reader.cancel(error).catch(() => {});
  }
}
