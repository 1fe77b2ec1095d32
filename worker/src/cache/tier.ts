/** One place where verified bytes are kept. @module */

/** Bytes of a value as they come, and how many. */
export interface Body {
  readonly stream: ReadableStream<Uint8Array>;
  readonly size: number;
}

/** A tier of a {@link TieredCache}. What it throws is a miss, or a value that was not kept. */
export interface Tier {
  /** Answers at once and keeps at once: in this isolate's memory. */
  readonly isMemory: boolean;
  /** The bytes of `key`, or nothing. */
  get(key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Bytes `start` to `end` (not included) of the value of `key`; fewer where the value ends before. */
  getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Keeps the bytes of `key`, or leaves it. */
  put(key: string, value: Uint8Array): Promise<void> | void;
  /** Keeps a part of a value, where parts can be kept. */
  putRange?(key: string, start: number, end: number, part: Uint8Array): void;
  /** The value as a stream, where it need not be in memory to be copied. */
  getBody?(key: string): Promise<Body | undefined>;
  /** Keeps a value that comes as a stream. */
  putBody?(key: string, body: Body): Promise<void>;
}

/** Whether a key names content that never changes: by a digest, or made from what has that digest. */
export function isContent(key: string): boolean {
  return /^(?:(?:[a-z]+-v\d+:)?sha256|blake3):[0-9a-f]{64}$/.test(key);
}
