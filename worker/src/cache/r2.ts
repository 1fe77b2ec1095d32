/** The third tier: an R2 bucket, durable and the same everywhere. @module */
import { type Body, isContent, type Tier } from "./tier.ts";

/** What of the platform's R2 binding is used. */
export interface Bucket {
  get(key: string, options?: { range: { offset: number; length: number } }): Promise<BucketObject | null>;
  put(key: string, value: Uint8Array, options?: { httpMetadata: { contentType: string } }): Promise<unknown>;
}

/** What of an R2 object is used. */
export interface BucketObject {
  readonly body: ReadableStream<Uint8Array>;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Keeps values as objects. What changes is not kept here: nothing would remove it. */
export class R2Tier implements Tier {
  readonly isMemory = false;
  readonly #bucket: Bucket;
  readonly #prefix: string;

  /** `prefix` is put in front of each key. */
  constructor(bucket: Bucket, prefix: string) {
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const object = isContent(key) ? await this.#bucket.get(this.#prefix + key) : null;
    return object ? new Uint8Array(await object.arrayBuffer()) : undefined;
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array | undefined> {
    if (!isContent(key)) return undefined;
    if (start >= end) return new Uint8Array();
    const range = { offset: start, length: end - start };
    const object = await this.#bucket.get(this.#prefix + key, { range });
    return object ? new Uint8Array(await object.arrayBuffer()) : undefined;
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    if (!isContent(key)) return;
    const httpMetadata = { contentType: "application/octet-stream" };
    await this.#bucket.put(this.#prefix + key, value, { httpMetadata });
  }

  async getBody(key: string): Promise<Body | undefined> {
    const object = isContent(key) ? await this.#bucket.get(this.#prefix + key) : null;
    return object ? { stream: object.body, size: object.size } : undefined;
  }
}

/** Whether a binding is a bucket. */
export function isBucket(binding: unknown): binding is Bucket {
  const { get, put } = (binding ?? {}) as Record<string, unknown>;
  return typeof get === "function" && typeof put === "function";
}
