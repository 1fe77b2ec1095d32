/** A zTOC's bytes: those that wasm made, and the checkpoints in a store between them. @module */
import { Hasher, type RawHash } from "../../wasm/ocipeek_build.js";
import { hex } from "../common/hex.js";
import { invalid } from "../errors.js";
import type { SpillStore } from "../types/build.js";
import type { Blob as Content } from "../types/content.js";

/** Bytes that are hashed at a time. */
const WINDOW = 256 << 10;

interface Part {
  start: number;
  size: number;
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>;
}

/** The zTOC of `front`, `taken` bytes of a store, and `back`. */
export async function ztocBlob(
  front: Uint8Array<ArrayBuffer>,
  store: SpillStore,
  taken: number,
  back: readonly Uint8Array<ArrayBuffer>[],
  sha256: RawHash | undefined,
): Promise<Content> {
  const parts: Part[] = [];
  let size = 0;
  const add = (length: number, read: Part["read"]): void => {
    if (length > 0) parts.push({ start: size, size: length, read });
    size += length;
  };
  const addBytes = (bytes: Uint8Array<ArrayBuffer>): void =>
    add(bytes.length, (start, end) => bytes.subarray(start, end));
  addBytes(front);
  add(taken, (start, end) => store.read(start, end));
  for (const bytes of back) addBytes(bytes);

  const hash = sha256 ? new RuntimeSum(sha256) : new Hasher();
  try {
    hash.update(front);
    await hashStore(hash, store, taken);
    for (const bytes of back) hash.update(bytes);
    const digest = hash.digest();
    return { digest, size, read: (start, end) => readParts(parts, size, start, end) };
  } finally {
    hash.free();
  }
}

/** SHA-256 by the runtime, in the shape of wasm's. */
class RuntimeSum {
  readonly #hash: RawHash;

  constructor(empty: RawHash) {
    this.#hash = empty.copy();
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): string {
    return `sha256:${hex(this.#hash.digest())}`;
  }

  free(): void {}
}

/** Hashes all of a store, where it can, with one buffer: garbage of this size is slow to be collected. */
async function hashStore(hash: Hasher | RuntimeSum, store: SpillStore, size: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(WINDOW, size));
  for (let at = 0; at < size; at += WINDOW) {
    const end = Math.min(at + WINDOW, size);
    if (store.readInto) {
      const into = buffer.subarray(0, end - at);
      await store.readInto(at, into);
      hash.update(into);
    } else hash.update(await store.read(at, end));
  }
}

async function readParts(
  parts: readonly Part[],
  size: number,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!(0 <= start && start <= end && end <= size)) throw invalid("the zTOC does not hold that");
  const out = new Uint8Array(end - start);
  for (const part of parts) {
    const from = Math.max(start, part.start);
    const to = Math.min(end, part.start + part.size);
    if (from < to) out.set(await part.read(from - part.start, to - part.start), from - start);
  }
  return out;
}
