/** Bytes in the Cache API, bounded. @module */
import type { CacheState } from "../../protocol/api.ts";
import type { EngineCache } from "./memory.ts";

/** What is used of the Cache API. */
export interface WebStore {
  keys(): Promise<readonly { url: string }[]>;
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

/** Entries are below this, which nothing ever fetches; each says its size, so that listing reads no content. */
const BASE = "https://cache.ocipeek.invalid/";
/** The keys, the least recently used first. */
const ORDER = "https://cache.ocipeek.invalid/order";
/** One entry takes no more than this share. */
const LARGEST_SHARE = 1 / 4;
/** So much may wait to be written; who puts more waits with it. */
const MAX_PENDING_BYTES = 32 << 20;
/** The order is written so long after it changed. */
const ORDER_DELAY_MS = 1500;

/** A {@link EngineCache} over the Cache API. */
export class StoredCache implements EngineCache {
  readonly #store: WebStore;
  readonly #maxBytes: number;
  /** Sizes by key, in the order of use. */
  #entries: Map<string, number> | undefined;
  #loading: Promise<Map<string, number>> | undefined;
  #bytes = 0;
  /** What is being written, by key. */
  readonly #pending = new Map<string, Uint8Array>();
  #pendingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #orderTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: WebStore, maxBytes: number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const waiting = this.#pending.get(key);
    if (waiting) return waiting;
    const entries = await this.#load();
    const size = entries.get(key);
    // What is not listed is not looked for: a miss costs nothing.
    if (size === undefined) return undefined;
    const found = await this.#store.match(urlOf(key, size));
    const bytes = found && new Uint8Array(await found.arrayBuffer());
    if (bytes?.length !== size) {
      // Cleared by another tab or by the browser.
      this.#forget(key);
      return undefined;
    }
    this.#touch(entries, key, size);
    return bytes;
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    if (value.length > this.#maxBytes * LARGEST_SHARE || this.#pending.has(key)) return;
    this.#pending.set(key, value);
    this.#pendingBytes += value.length;
    this.#writing = this.#writing.then(() => this.#write(key, value)).catch(() => {});
    // Reading goes on meanwhile, but not without bounds.
    if (this.#pendingBytes > MAX_PENDING_BYTES) await this.#writing;
  }

  async state(): Promise<CacheState> {
    await this.#writing;
    const entries = await this.#load();
    return { kind: "cache-api", entries: entries.size, bytes: this.#bytes, maxBytes: this.#maxBytes };
  }

  async clear(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#orderTimer);
    for (const { url } of await this.#store.keys()) await this.#store.delete(url);
    this.#entries = new Map();
    this.#bytes = 0;
  }

  async #write(key: string, value: Uint8Array): Promise<void> {
    try {
      const entries = await this.#load();
      await this.#makeRoom(entries, value.length - (entries.get(key) ?? 0));
      const body = value as Uint8Array<ArrayBuffer>;
      const headers = { "content-type": "application/octet-stream" };
      await this.#store.put(urlOf(key, value.length), new Response(body, { headers }));
      this.#bytes += value.length - (entries.get(key) ?? 0);
      this.#touch(entries, key, value.length);
    } catch {
      // Over the browser's quota: half of it makes room for what comes next.
      await this.#makeRoom(await this.#load(), this.#maxBytes - this.#bytes / 2);
    } finally {
      this.#pending.delete(key);
      this.#pendingBytes -= value.length;
    }
  }

  async #makeRoom(entries: Map<string, number>, wanted: number): Promise<void> {
    for (const [key, size] of entries) {
      if (this.#bytes + wanted <= this.#maxBytes) return;
      this.#forget(key);
      await this.#store.delete(urlOf(key, size));
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries?.get(key) ?? 0;
    this.#entries?.delete(key);
  }

  #touch(entries: Map<string, number>, key: string, size: number): void {
    entries.delete(key);
    entries.set(key, size);
    this.#orderTimer ??= setTimeout(() => {
      this.#orderTimer = undefined;
      const order = new Response(JSON.stringify([...entries.keys()]));
      void this.#store.put(ORDER, order).catch(() => {});
    }, ORDER_DELAY_MS);
  }

  #load(): Promise<Map<string, number>> {
    if (this.#entries) return Promise.resolve(this.#entries);
    this.#loading ??= this.#list().then((entries) => {
      this.#entries = entries;
      return entries;
    });
    return this.#loading;
  }

  async #list(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const { url } of await this.#store.keys()) {
      const entry = entryOf(url);
      if (entry) found.set(...entry);
    }
    const order: unknown = await this.#store
      .match(ORDER)
      .then((it) => it?.json())
      .catch(() => []);
    // What the order does not name is newer than it.
    const known = (Array.isArray(order) ? order : []).filter((key) => found.has(key));
    const isKnown = new Set(known);
    const sorted = [...known, ...[...found.keys()].filter((key) => !isKnown.has(key))];
    this.#bytes = [...found.values()].reduce((sum, size) => sum + size, 0);
    return new Map(sorted.map((key) => [key, found.get(key) ?? 0]));
  }
}

function urlOf(key: string, size: number): string {
  return `${BASE}entry/${encodeURIComponent(key)}/${size}`;
}

function entryOf(url: string): [key: string, size: number] | undefined {
  const match = /\/entry\/([^/]+)\/(\d+)$/.exec(url);
  return match ? [decodeURIComponent(match[1] ?? ""), Number(match[2])] : undefined;
}
