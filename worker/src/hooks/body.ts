/** The body of a notification. @module */
import { concat } from "../../../js/common/bytes.ts";
import type { HooksLimits } from "../config/hooks.ts";
import { HttpError } from "../errors.ts";
import { crowded, type Unproven } from "./unproven.ts";

/** Proof to come of a sender, and the share that its body is counted in until then. */
export interface Proof {
  readonly share: Unproven;
  prove(body: Uint8Array<ArrayBuffer>): Promise<void>;
}

/**
 * All of it.
 * @throws HttpError `LIMIT_EXCEEDED`, `TIMEOUT`, `RATE_LIMITED`, why the request was stopped, or what `prove` throws
 */
export async function readBody(
  request: Request,
  { maxBody: max, maxBodySeconds: maxSeconds }: Pick<HooksLimits, "maxBody" | "maxBodySeconds">,
  signal: AbortSignal,
  unproven?: Proof,
): Promise<Uint8Array<ArrayBuffer>> {
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
  const why = `the body took longer than maxBodySeconds = ${maxSeconds}`;
  const timer = setTimeout(() => end(new HttpError("TIMEOUT", why, { status: 408 })), maxSeconds * 1000);
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
    const body = concat(pieces);
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
