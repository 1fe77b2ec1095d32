/** The body of a notification. @module */
import { HttpError } from "../errors.ts";

/**
 * All of it.
 * @throws HttpError `LIMIT_EXCEEDED`, or why the request was stopped
 */
export async function readBody(
  request: Request,
  max: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = new HttpError("LIMIT_EXCEEDED", `a notification has maxBody = ${max} bytes at most`);
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > max) throw tooLarge;
  signal.throwIfAborted();
  const reader = (request.body as ReadableStream<Uint8Array> | null)?.getReader();
  const leave = (): void => void reader?.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", leave, { once: true });
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      signal.throwIfAborted();
      if (done) break;
      size += value.byteLength;
      if (size > max) {
        leave();
        throw tooLarge;
      }
      pieces.push(value);
    }
  } finally {
    signal.removeEventListener("abort", leave);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.byteLength;
  }
  return body;
}
