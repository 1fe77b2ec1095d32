/** Bytes in the Cache API, bounded. @module */
import { BoundedMap } from "../../../../js/common/bounded-map.ts";
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
  #entries: Promise<BoundedMap<string, number>> | undefined;
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
    const size = entries.use(key);
    // What is not listed is not looked for: a miss costs nothing.
    if (size === undefined) return undefined;
    const found = await this.#store.match(urlOf(key, size));
    const bytes = found && new Uint8Array(await found.arrayBuffer());
    if (bytes?.length !== size) {
      // Cleared by another tab or by the browser.
      entries.delete(key);
      return undefined;
    }
    this.#keepOrder(entries);
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
    return { kind: "cache-api", entries: entries.size, bytes: entries.weight, maxBytes: this.#maxBytes };
  }

  async clear(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#orderTimer);
    for (const { url } of await this.#store.keys()) await this.#store.delete(url);
    (await this.#load()).clear();
  }

  async #write(key: string, value: Uint8Array): Promise<void> {
    try {
      const entries = await this.#load();
      entries.delete(key);
      await this.#makeRoom(entries, value.length);
      const body = value as Uint8Array<ArrayBuffer>;
      const headers = { "content-type": "application/octet-stream" };
      await this.#store.put(urlOf(key, value.length), new Response(body, { headers }));
      entries.set(key, value.length);
      this.#keepOrder(entries);
    } catch {
      // Over the browser's quota: half of it makes room for what comes next.
      const entries = await this.#load();
      await this.#makeRoom(entries, this.#maxBytes - entries.weight / 2);
    } finally {
      this.#pending.delete(key);
      this.#pendingBytes -= value.length;
    }
  }

  async #makeRoom(entries: BoundedMap<string, number>, wanted: number): Promise<void> {
    for (const [key, size] of entries) {
      if (entries.weight + wanted <= this.#maxBytes) return;
      entries.delete(key);
      await this.#store.delete(urlOf(key, size));
    }
  }

  #keepOrder(entries: BoundedMap<string, number>): void {
    this.#orderTimer ??= setTimeout(() => {
      this.#orderTimer = undefined;
      const order = new Response(JSON.stringify([...entries.keys()]));
      void this.#store.put(ORDER, order).catch(() => {});
    }, ORDER_DELAY_MS);
  }

  #load(): Promise<BoundedMap<string, number>> {
    this.#entries ??= this.#list();
    return this.#entries;
  }

  async #list(): Promise<BoundedMap<string, number>> {
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
    const entries = new BoundedMap<string, number>(Number.POSITIVE_INFINITY, (size) => size);
    for (const key of new Set([...known, ...found.keys()])) entries.set(key, found.get(key) ?? 0);
    return entries;
  }
}

function urlOf(key: string, size: number): string {
  return `${BASE}entry/${encodeURIComponent(key)}/${size}`;
}

function entryOf(url: string): [key: string, size: number] | undefined {
  const match = /\/entry\/([^/]+)\/(\d+)$/.exec(url);
  return match ? [decodeURIComponent(match[1] ?? ""), Number(match[2])] : undefined;
}
