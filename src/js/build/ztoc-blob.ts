/** A zTOC's bytes: those that wasm made, and the checkpoints in a store between them. @module */
import { Hasher } from "../../wasm/ocipeek_build.js";
import { invalid } from "../errors.js";
import type { Blob as Content } from "../push/content.js";
import type { SpillStore } from "./types.js";

/** Bytes that are hashed at a time. */
const WINDOW = 1 << 20;

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

  const hasher = new Hasher();
  try {
    for (const part of parts) {
      for (let at = 0; at < part.size; at += WINDOW) {
        hasher.update(await part.read(at, Math.min(at + WINDOW, part.size)));
      }
    }
    const digest = hasher.digest();
    return { digest, size, read: (start, end) => readParts(parts, size, start, end) };
  } finally {
    hasher.free();
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
