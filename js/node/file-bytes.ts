import { open } from "node:fs/promises";

/** Bytes of a piece. */
const PIECE = 256 << 10;

/**
 * A file's bytes, for `buildZtoc`. The pieces share two buffers, so one is good only until the next is asked for: streams
 * make a buffer for each, and what becomes of these can take 20 MB more until it is collected.
 *
 * @example
 * ```js
 * import { buildZtoc } from "ocipeek/build";
 * import { fileBytes } from "ocipeek/node";
 *
 * const ztoc = await buildZtoc(fileBytes("layer.tar.gz"));
 * console.log(ztoc.spans > 0); // true
 * await ztoc.close();
 * ```
 */
export async function* fileBytes(path: string | URL): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path);
  try {
    let [now, next] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
    let { bytesRead } = await file.read(now, 0, PIECE);
    while (bytesRead > 0) {
      const reading = file.read(next, 0, PIECE);
      // Whoever leaves here is not told of it.
      reading.catch(() => {});
      try {
        yield now.subarray(0, bytesRead);
      } finally {
        await reading.catch(() => {});
      }
      [now, next] = [next, now];
      ({ bytesRead } = await reading);
    }
  } finally {
    await file.close();
  }
}
