// The cache on disk: its size, what goes first, what another visit finds, and what is broken.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoredCache, type WebStore } from "../../www/src/engine/cache/stored.ts";

/** A Cache API in memory. `room`: bytes that it takes before it refuses. */
class FakeStore implements WebStore {
  readonly entries = new Map<string, Uint8Array>();
  matches = 0;
  room = Number.POSITIVE_INFINITY;

  async keys(): Promise<{ url: string }[]> {
    return [...this.entries.keys()].map((url) => ({ url }));
  }
  async match(url: string): Promise<Response | undefined> {
    this.matches++;
    const bytes = this.entries.get(url);
    return bytes && new Response(bytes as Uint8Array<ArrayBuffer>);
  }
  async put(url: string, response: Response): Promise<void> {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const used = [...this.entries.values()].reduce((sum, it) => sum + it.length, 0);
    if (used + bytes.length > this.room) throw new DOMException("full", "QuotaExceededError");
    this.entries.set(url, bytes);
  }
  async delete(url: string): Promise<boolean> {
    return this.entries.delete(url);
  }
}

const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);

/** Fills a cache with `a`, `b` … of so many bytes each. */
async function fill(cache: StoredCache, keys: string, length: number): Promise<void> {
  for (const key of keys) await cache.put(key, bytes(length));
  await cache.state();
}

describe("the cache on disk", () => {
  test("gives back what it got, at once and at the next visit", async () => {
    const store = new FakeStore();
    const cache = new StoredCache(store, 1000);
    await cache.put("sha256:1", bytes(10, 7));
    assert.deepEqual(await cache.get("sha256:1"), bytes(10, 7));
    assert.deepEqual(await cache.state(), { kind: "cache-api", entries: 1, bytes: 10, maxBytes: 1000 });
    const next = new StoredCache(store, 1000);
    assert.deepEqual(await next.get("sha256:1"), bytes(10, 7));
    assert.deepEqual(await next.state(), { kind: "cache-api", entries: 1, bytes: 10, maxBytes: 1000 });
  });

  test("does not ask the disk for what it does not have", async () => {
    const store = new FakeStore();
    const cache = new StoredCache(store, 1000);
    await fill(cache, "a", 10);
    const before = store.matches;
    assert.equal(await cache.get("b"), undefined);
    assert.equal(store.matches, before);
  });

  test("stays below its bound; what was not used for longest goes first", async () => {
    const store = new FakeStore();
    const cache = new StoredCache(store, 100);
    await fill(cache, "abcd", 25);
    await cache.get("a");
    await fill(cache, "e", 25);
    const kept = [];
    for (const key of "abcde") if (await cache.get(key)) kept.push(key);
    assert.deepEqual(kept, ["a", "c", "d", "e"]);
    assert.equal((await cache.state()).bytes, 100);
    assert.equal(store.entries.size, 4);
  });

  test("does not take what would drive out all else", async () => {
    const cache = new StoredCache(new FakeStore(), 100);
    await cache.put("big", bytes(26));
    assert.equal((await cache.state()).entries, 0);
  });

  test("counts what is put twice once", async () => {
    const cache = new StoredCache(new FakeStore(), 100);
    await fill(cache, "aa", 20);
    assert.equal((await cache.state()).bytes, 20);
  });

  test("makes room when the browser refuses more", async () => {
    const store = new FakeStore();
    store.room = 100;
    const cache = new StoredCache(store, 1000);
    await fill(cache, "abcd", 25);
    await fill(cache, "e", 25);
    const { bytes: used } = await cache.state();
    assert.ok(used <= 50, `${used}`);
    await fill(cache, "f", 25);
    assert.ok(await cache.get("f"));
  });

  test("notices what another tab has cleared", async () => {
    const store = new FakeStore();
    const cache = new StoredCache(store, 1000);
    await fill(cache, "ab", 10);
    store.entries.clear();
    assert.equal(await cache.get("a"), undefined);
    assert.deepEqual(await cache.state(), { kind: "cache-api", entries: 1, bytes: 10, maxBytes: 1000 });
  });

  test("is empty when it was cleared", async () => {
    const store = new FakeStore();
    const cache = new StoredCache(store, 1000);
    await fill(cache, "abc", 10);
    await cache.clear();
    assert.deepEqual(await cache.state(), { kind: "cache-api", entries: 0, bytes: 0, maxBytes: 1000 });
    assert.equal(store.entries.size, 0);
    await fill(cache, "a", 10);
    assert.equal((await cache.state()).bytes, 10);
  });
});
