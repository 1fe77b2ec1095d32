/** The body of a notification. @module */
import { HttpError } from "../errors.ts";
import { crowded, type Unproven } from "./unproven.ts";

/** How a body is read. */
export interface BodyOptions {
  /** Bytes that it may have. */
  readonly max: number;
  /** Seconds within which it has to be there. */
  readonly maxSeconds: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** Where its sender has proved nothing yet: the share that it is counted in until that is done. */
  readonly unproven?:
    | { readonly share: Unproven; prove(body: Uint8Array<ArrayBuffer>): Promise<void> }
    | undefined;
}

/**
 * All of it.
 * @throws HttpError `LIMIT_EXCEEDED`, `TIMEOUT`, `RATE_LIMITED`, why the request was stopped, or what `prove` throws
 */
export async function readBody(request: Request, options: BodyOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { max, maxSeconds, signal, unproven } = options;
  const tooLarge = new HttpError("LIMIT_EXCEEDED", `a notification has maxBody = ${max} bytes at most`);
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > max) throw tooLarge;
  signal.throwIfAborted();
  const reader = (request.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (!reader) return new Uint8Array();
  const reading = unproven?.share.begin();
  const pieces = reading?.pieces ?? [];
  let end: (error: unknown) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = reject;
  });
  ended.catch(() => {});
  const stop = (): void => end(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const late = (): void =>
    end(
      new HttpError("TIMEOUT", `the body was not there after maxBodySeconds = ${maxSeconds}`, {
        status: 408,
      }),
    );
  const timer = setTimeout(late, maxSeconds * 1000);
  try {
    let size = 0;
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), ended]);
      signal.throwIfAborted();
      if (done) break;
      size += value.byteLength;
      if (size > max) throw tooLarge;
      if (unproven && reading) unproven.share.add(reading, value);
      else pieces.push(value);
    }
    if (reading && !reading.pieces) throw crowded();
    const body = joined(pieces, size);
    pieces.length = 0;
    await unproven?.prove(body);
    return body;
  } catch (error) {
    void reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    if (reading) unproven?.share.end(reading);
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.byteLength;
  }
  return body;
}
