// The tiers, each over a stand-in for its platform, and all of them together.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CacheApiTier } from "../src/cache/cache-api.ts";
import { createCache } from "../src/cache/create.ts";
import { MemoryTier } from "../src/cache/memory.ts";
import { isBucket, R2Tier } from "../src/cache/r2.ts";
import { isContent } from "../src/cache/tier.ts";
import { TieredCache } from "../src/cache/tiered.ts";
import { parseConfig } from "../src/config/config.ts";

const KEY = `sha256:${"ab".repeat(32)}`;
const PACK = `pack-v1:${KEY}`;
const TAG = "tag-v1:ghcr.io/o/app:1";
const text = (bytes) => bytes && new TextDecoder().decode(bytes);
const bytes = (value) => new TextEncoder().encode(value);

/** A Cache API as the platform has it: whole 200 answers by URL, ranges on `match`. */
function webCache({ ranges = true } = {}) {
  const entries = new Map();
  const calls = [];
  return {
    entries,
    calls,
    async match(request) {
      calls.push(`match ${request.headers.get("range") ?? ""}`.trim());
      const entry = entries.get(request.url);
      if (!entry) return undefined;
      const range = ranges && /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
      if (!range) return new Response(entry.body, { headers: entry.headers });
      const start = Number(range[1]);
      if (start >= entry.body.length) return new Response(null, { status: 416 });
      const end = Math.min(Number(range[2]) + 1, entry.body.length);
      const headers = { ...entry.headers, "content-range": `bytes ${start}-${end - 1}/${entry.body.length}` };
      return new Response(entry.body.subarray(start, end), { status: 206, headers });
    },
    async put(request, response) {
      calls.push("put");
      assert.equal(response.status, 200);
      const headers = Object.fromEntries(response.headers);
      entries.set(request.url, { body: new Uint8Array(await response.arrayBuffer()), headers });
    },
  };
}

function bucket() {
  const objects = new Map();
  const calls = [];
  const object = (value) => ({
    size: value.length,
    body: new Response(value).body,
    arrayBuffer: () => new Response(value).arrayBuffer(),
  });
  return {
    objects,
    calls,
    async get(key, options) {
      calls.push(`get ${key} ${options ? `${options.range.offset}+${options.range.length}` : ""}`.trim());
      const value = objects.get(key);
      if (!value) return null;
      const { offset, length } = options?.range ?? { offset: 0, length: value.length };
      if (offset >= value.length) throw new Error("get: The requested range is not satisfiable (10039)");
      return object(value.subarray(offset, offset + length));
    },
    async put(key, value) {
      calls.push(`put ${key}`);
      objects.set(key, value);
    },
  };
}

const apiTier = (cache) =>
  new CacheApiTier(async () => cache, { base: "https://files.example/-/cache/v1/", ttl: 60 });

/** Tiers together, and what the platform was asked to wait for. */
function tiered(tiers, options = {}) {
  const waiting = [];
  const cache = new TieredCache(tiers, { waitUntil: (p) => waiting.push(p), ...options });
  return { cache, waiting, settle: () => Promise.all(waiting) };
}

test("what is content and what may change", () => {
  assert.ok(isContent(KEY));
  assert.ok(isContent(PACK));
  for (const key of [TAG, `tag-v1:x/y@${KEY}`, "sha256:ab", `${KEY} `, `${KEY}0`]) assert.ok(!isContent(key));
});

describe("memory", () => {
  test("keeps values and parts, up to a size, and nothing that may change", () => {
    const tier = new MemoryTier(40);
    tier.put(KEY, bytes("0123456789"));
    assert.equal(text(tier.get(KEY)), "0123456789");
    assert.equal(text(tier.getRange(KEY, 2, 5)), "234");
    tier.putRange(PACK, 5, 8, bytes("567"));
    assert.equal(text(tier.getRange(PACK, 5, 8)), "567");
    assert.equal(tier.getRange(PACK, 5, 7), undefined);
    assert.equal(tier.get(PACK), undefined);
    tier.put(TAG, bytes("x"));
    assert.equal(tier.get(TAG), undefined);
    tier.put(PACK, bytes("more than a quarter of all"));
    assert.equal(tier.get(PACK), undefined);
  });
});

describe("the Cache API", () => {
  test("keeps whole answers, for ever where they cannot change", async () => {
    const cache = webCache();
    const tier = apiTier(cache);
    await tier.put(KEY, bytes("content"));
    await tier.put(TAG, bytes("digest"));
    assert.equal(text(await tier.get(KEY)), "content");
    const [content, tag] = [...cache.entries];
    assert.equal(content[0], `https://files.example/-/cache/v1/${encodeURIComponent(KEY)}`);
    assert.equal(content[1].headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(tag[1].headers["cache-control"], "public, max-age=60");
    assert.equal(await tier.get(PACK), undefined);
  });

  for (const ranges of [true, false]) {
    test(`reads parts where ${ranges ? "ranges are" : "ranges are not"} given`, async () => {
      const cache = webCache({ ranges });
      const tier = apiTier(cache);
      await tier.put(PACK, bytes("0123456789"));
      assert.equal(text(await tier.getRange(PACK, 3, 6)), "345");
      assert.equal(text(await tier.getRange(PACK, 8, 100)), "89");
      assert.equal(text(await tier.getRange(PACK, 10, 12)), "");
      assert.equal(text(await tier.getRange(PACK, 4, 4)), "");
      assert.equal(await tier.getRange(KEY, 0, 1), undefined);
    });
  }

  test("does not take another range for the one it asked for", async () => {
    const cache = webCache();
    const tier = apiTier(cache);
    cache.match = async () =>
      new Response("xyz", { status: 206, headers: { "content-range": "bytes 0-2/9" } });
    assert.equal(await tier.getRange(PACK, 3, 6), undefined);
  });
});

describe("R2", () => {
  test("keeps content, reads parts, and leaves what may change", async () => {
    const store = bucket();
    const tier = new R2Tier(store, "v1/");
    await tier.put(PACK, bytes("0123456789"));
    await tier.put(TAG, bytes("x"));
    assert.deepEqual([...store.objects.keys()], [`v1/${PACK}`]);
    assert.equal(text(await tier.getRange(PACK, 3, 6)), "345");
    assert.equal(text(await tier.get(PACK)), "0123456789");
    assert.equal(await tier.get(KEY), undefined);
    assert.equal(await tier.get(TAG), undefined);
    await assert.rejects(tier.getRange(PACK, 10, 11));
  });

  test("is a binding with get and put", () => {
    assert.ok(isBucket(bucket()));
    for (const other of [undefined, null, "name", {}, { get() {} }]) assert.ok(!isBucket(other));
  });
});

describe("tiers together", () => {
  const all = () => {
    const [api, r2] = [webCache(), bucket()];
    return { api, r2, tiers: [new MemoryTier(1000), apiTier(api), new R2Tier(r2, "v1/")] };
  };

  test("write everywhere, and answer from memory", async () => {
    const { api, r2, tiers } = all();
    const { cache, waiting, settle } = tiered(tiers);
    cache.put(KEY, bytes("content"));
    assert.equal(waiting.length, 2);
    assert.equal(text(await cache.get(KEY)), "content");
    await settle();
    assert.deepEqual([api.calls, r2.calls], [["put"], [`put v1/${KEY}`]]);
  });

  test("fill the nearer ones", async () => {
    const { api, r2, tiers } = all();
    r2.objects.set(`v1/${KEY}`, bytes("content"));
    const { cache, settle } = tiered(tiers);
    assert.equal(text(await cache.get(KEY)), "content");
    await settle();
    assert.deepEqual(api.calls, ["match", "put"]);
    assert.equal(text(await cache.get(KEY)), "content");
    assert.deepEqual([api.calls.length, r2.calls.length], [2, 1]);
    // A fresh isolate finds it in the Cache API.
    const fresh = tiered([new MemoryTier(1000), ...tiers.slice(1)]);
    assert.equal(text(await fresh.cache.get(KEY)), "content");
    assert.equal(r2.calls.length, 1);
  });

  test("keep a part in memory, and bring the whole nearer once", async () => {
    const { api, r2, tiers } = all();
    r2.objects.set(`v1/${PACK}`, bytes("0123456789"));
    const { cache, settle } = tiered(tiers);
    assert.equal(text(await cache.getRange(PACK, 2, 4)), "23");
    await settle();
    assert.equal(text(await cache.getRange(PACK, 2, 4)), "23");
    assert.equal(text(await cache.getRange(PACK, 6, 8)), "67");
    await settle();
    assert.deepEqual(api.calls, ["match bytes=2-3", "put", "match bytes=6-7"]);
    assert.deepEqual(r2.calls, [`get v1/${PACK} 2+2`, `get v1/${PACK}`]);
  });

  test("what fails has nothing, and keeps nothing", async () => {
    const broken = {
      isMemory: false,
      get: () => Promise.reject(new Error("down")),
      getRange: () => {
        throw new Error("down");
      },
      put: () => Promise.reject(new Error("down")),
    };
    const { tiers } = all();
    const { cache, settle } = tiered([broken, ...tiers, broken]);
    cache.put(KEY, bytes("content"));
    await settle();
    assert.equal(text(await cache.get(KEY)), "content");
    assert.equal(text(await cache.getRange(KEY, 0, 3)), "con");
    assert.equal(await cache.get(PACK), undefined);
    assert.equal(await cache.getRange(PACK, 0, 3), undefined);
    await settle();
  });

  test("do not hold more than they may while a tier is slow", async () => {
    let release;
    const gate = new Promise((resolve) => {
      release = resolve;
    });
    let puts = 0;
    const slow = { isMemory: false, get: () => undefined, getRange: () => undefined };
    slow.put = () => {
      puts += 1;
      return gate;
    };
    const { cache, settle } = tiered([slow]);
    const value = new Uint8Array(10 << 20);
    for (let i = 0; i < 5; i++) cache.put(KEY, value);
    assert.equal(puts, 3);
    release();
    await settle();
    cache.put(KEY, value);
    assert.equal(puts, 4);
  });

  test("write later, where reading is to come first", async () => {
    const { r2 } = all();
    const { cache, settle } = tiered([new R2Tier(r2, "v1/")], { writeDelay: 20 });
    cache.put(KEY, bytes("content"));
    assert.equal(await cache.get(KEY), undefined);
    assert.deepEqual(r2.calls, [`get v1/${KEY}`]);
    await settle();
    assert.equal(text(await cache.get(KEY)), "content");
  });

  test("share a look-up only where the platform can", async () => {
    for (const [shareLookups, asked] of [
      [true, 1],
      [false, 3],
    ]) {
      const { api, tiers } = all();
      const { cache, settle } = tiered(tiers, { shareLookups });
      await tiers[1].put(KEY, bytes("content"));
      const found = await Promise.all([cache.get(KEY), cache.get(KEY), cache.get(KEY)]);
      assert.deepEqual(found.map(text), ["content", "content", "content"]);
      assert.equal(api.calls.filter((c) => c === "match").length, asked);
      await settle();
    }
  });
});

describe("a tier that never answers", () => {
  const never = () => new Promise(() => {});
  const hung = () => ({ isMemory: false, get: never, getRange: never, put: never });
  const working = () => new R2Tier(bucket(), "v1/");

  test("is one that has nothing, and is left alone for a while", async () => {
    let now = 0;
    let asked = 0;
    const first = hung();
    first.get = () => {
      asked += 1;
      return never();
    };
    const second = working();
    await second.put(KEY, bytes("content"));
    const { cache, settle } = tiered([first, second], { maxCacheMs: 20, now: () => now });
    for (let i = 0; i < 5; i++) assert.equal(text(await cache.get(KEY)), "content");
    assert.equal(asked, 2);
    assert.equal(text(await cache.getRange(KEY, 1, 3)), "on");
    // What it was to keep is not waited for for ever: a server could not end.
    await settle();
    now += 31_000;
    assert.equal(text(await cache.get(KEY)), "content");
    assert.equal(text(await cache.get(KEY)), "content");
    assert.equal(asked, 3, "one try after its rest");
    first.get = async () => bytes("nearer");
    now += 31_000;
    for (let i = 0; i < 3; i++) assert.equal(text(await cache.get(KEY)), "nearer");
  });

  test("holds no memory: what waits to be written to it is let go", async () => {
    const { cache, settle } = tiered([hung()], { maxCacheMs: 20 });
    // Twice of what may wait.
    for (let i = 0; i < 16; i++) {
      cache.put(`sha256:${String(i).padStart(64, "0")}`, new Uint8Array(4 << 20));
      if (i % 8 === 7) await settle();
    }
    const kept = [];
    const later = working();
    const next = tiered([{ ...hung(), put: async (key) => void kept.push(key) }, later], { maxCacheMs: 20 });
    next.cache.put(KEY, bytes("content"));
    await next.settle();
    assert.deepEqual(kept, [KEY]);
    assert.equal(text(await later.get(KEY)), "content");
  });

  test("costs healthy ones nothing: no timer for what is at hand", async (t) => {
    const timers = t.mock.method(globalThis, "setTimeout");
    const store = working();
    await store.put(KEY, bytes("content"));
    const { cache, settle } = tiered([new MemoryTier(1000), store]);
    for (let i = 0; i < 3; i++) assert.equal(text(await cache.get(KEY)), "content");
    await settle();
    assert.equal(timers.mock.callCount(), 0);
  });
});

describe("the configured cache", () => {
  const platform = { host: "files.example", waitUntil: () => {} };

  test("is memory and R2 outside the edge's platform", async () => {
    const store = bucket();
    const env = { OCIPEEK_BUCKET: store, OCIPEEK_CACHE: { generation: "g2" } };
    const cache = createCache(parseConfig(env), env, platform);
    cache.put(KEY, bytes("content"));
    assert.equal(text(await cache.get(KEY)), "content");
    assert.deepEqual(store.calls, [`put g2/${KEY}`]);
  });

  test("is none where nothing may keep anything", () => {
    const env = { OCIPEEK_CACHE: { memoryBytes: 0 } };
    assert.equal(createCache(parseConfig(env), env, platform), undefined);
  });
});
