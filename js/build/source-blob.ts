/** Blobs of a source, to be written elsewhere. @module */
import { OcipeekError } from "../errors.js";
import type { Source } from "../image/source.js";
import type { Blob as Content } from "../types/content.js";

/**
 * A blob of a source. Read in order it is one stream; elsewhere it goes on with a new one. What takes it checks the
 * digest: registries do, and layouts here.
 */
export function sourceBlob(
  source: Source,
  blob: { digest: string; size: number },
): Content & { close(): void } {
  const { digest, size } = blob;
  let at = 0;
  let rest = new Uint8Array(0);
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  const close = (): void => {
    reader?.cancel().catch(() => {});
    reader = undefined;
    rest = new Uint8Array(0);
  };
  const read = async (start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> => {
    if (!reader || at !== start) {
      close();
      at = start;
      reader = source.blobStream(blob, { start, signal }).getReader();
    }
    const out = new Uint8Array(end - start);
    let filled = 0;
    try {
      while (filled < out.length) {
        if (rest.length === 0) {
          const { done, value } = await reader.read();
          if (done) throw short(digest, size);
          rest = value;
        }
        const piece = rest.subarray(0, out.length - filled);
        out.set(piece, filled);
        filled += piece.length;
        rest = rest.subarray(piece.length);
      }
    } catch (error) {
      close();
      throw error;
    }
    at = end;
    if (end === size) close();
    return out;
  };
  return { digest, size, read, close };
}

function short(digest: string, size: number): OcipeekError {
  return new OcipeekError("NETWORK", `the blob ends before its ${size} bytes`, { digest });
}
