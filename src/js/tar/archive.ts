import { BLOCK, headerOf, type TarEntry } from "./header.js";

/** GNU tar and bsdtar pad archives to records of 20 blocks. */
const RECORD = 20 * BLOCK;

/** An entry with its content; that of a file is exactly `stats.size` bytes. */
export interface TarItem extends TarEntry {
  /** None where it is no file, or another name of one. */
  content?: AsyncIterable<Uint8Array> | undefined;
}

/** An archive of `items` in their order, made as it is read: nothing is kept but what is being written. */
export async function* tar(items: AsyncIterable<TarItem>): AsyncGenerator<Uint8Array, void, undefined> {
  let written = 0;
  const put = (chunk: Uint8Array): Uint8Array => {
    written += chunk.length;
    return chunk;
  };
  const padding = (unit: number): Uint8Array => new Uint8Array((unit - (written % unit)) % unit);
  for await (const { content, ...entry } of items) {
    const size = content ? entry.stats.size : 0;
    yield put(headerOf(entry, size));
    if (!content) continue;
    let left = size;
    for await (const chunk of content) {
      left -= chunk.length;
      if (left < 0) break;
      yield put(chunk);
    }
    if (left !== 0) throw new Error(`${entry.stats.path}: its content has not the length ${size}`);
    yield put(padding(BLOCK));
  }
  yield put(new Uint8Array(2 * BLOCK));
  yield put(padding(RECORD));
}
