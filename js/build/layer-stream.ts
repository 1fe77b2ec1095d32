/** A layer's bytes in order, over as many streams as it takes. @module */
import { kindOf } from "../check.js";
import { onAbort } from "../common/on-abort.js";
import { invalid, OcipeekError } from "../errors.js";
import { pause } from "../pause.js";
import type { ByteSource } from "../types/build.js";

/** Streams that break off one after the other without a byte in between. */
const MAX_BREAKS = 8;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8_000;

/** How to go on where a stream breaks off. */
export interface ResumeOptions {
  /** The layer's size, where it is known. */
  size?: number | undefined;
  digest?: string | undefined;
  signal?: AbortSignal | undefined;
  resume?: ((from: number, signal: AbortSignal | undefined) => ByteSource | Promise<ByteSource>) | undefined;
}

/**
 * The bytes of `first`, then, where that breaks off, those of further streams from there on. Ends behind exactly `size`
 * bytes, where that is known.
 */
export async function* layerBytes(
  first: ByteSource,
  { size, digest, signal, resume }: ResumeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let source: ByteSource | undefined = first;
  let at = 0;
  for (let breaks = 0; ; ) {
    let failure: unknown;
    try {
      source ??= await resume?.(at, signal);
      for await (const chunk of pieces(source, signal)) {
        if (chunk.length === 0) continue;
        at += chunk.length;
        breaks = 0;
        if (size !== undefined && at > size) {
          throw new OcipeekError("DIGEST_MISMATCH", `the layer has more than its ${size} bytes`, { digest });
        }
        yield chunk;
      }
      if (size === undefined || at === size) return;
      failure = new OcipeekError("NETWORK", `the layer ends after ${at} of ${size} bytes`, {
        digest,
        offset: at,
      });
    } catch (error) {
      failure = error;
    }
    if (signal?.aborted) throw stopped(signal);
    if (!resume || !mayPass(failure) || ++breaks > MAX_BREAKS) throw failure;
    source = undefined;
    if (breaks > 1) await pause(Math.min(FIRST_WAIT_MS * 2 ** (breaks - 2), LONGEST_WAIT_MS), signal);
  }
}

/** The error of what the caller stopped. */
export function stopped(signal: AbortSignal): OcipeekError {
  return new OcipeekError("ABORTED", "stopped by the caller", { cause: signal.reason });
}

/** Source of pieces: a stream's reader, or an iterator. */
interface Pieces {
  next(): Promise<{ done?: boolean | undefined; value?: Uint8Array | undefined }>;
  cancel(reason: unknown): Promise<unknown> | undefined;
}

function piecesOf(source: ByteSource): Pieces {
  if (typeof source !== "object" || !("getReader" in source || Symbol.asyncIterator in source)) {
    throw invalid(`a layer must be a stream of bytes, not ${kindOf(source)}`);
  }
  if ("getReader" in source) {
    const reader = source.getReader();
    return { next: () => reader.read(), cancel: (reason) => reader.cancel(reason) };
  }
  const iterator = source[Symbol.asyncIterator]();
  return { next: () => iterator.next(), cancel: () => iterator.return?.() };
}

/** A stream's pieces; a stop ends it, also while one is waited for. Streams that are left are cancelled. */
async function* pieces(
  source: ByteSource | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!source) return;
  const from = piecesOf(source);
  let callOff = (): void => {};
  const stops = new Promise<never>((_, reject) => {
    callOff = onAbort(signal, () => reject(signal ? stopped(signal) : undefined));
  });
  stops.catch(() => {});
  let ended = false;
  try {
    while (true) {
      const { done, value } = await Promise.race([stops, from.next()]);
      ended = done === true || value === undefined;
      if (done || value === undefined) break;
      yield value;
    }
  } finally {
    callOff();
    // Not waited for: an iterator that waits for its next piece hears of it only then.
    if (!ended) Promise.resolve(from.cancel(signal?.reason)).catch(() => {});
  }
}

/** Whether it was the connection. What comes from elsewhere, as from a platform's `fetch`, says nothing of itself. */
function mayPass(error: unknown): boolean {
  return !(error instanceof OcipeekError) || error.code === "NETWORK";
}
