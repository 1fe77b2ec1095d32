// A cache that does not answer costs a moment; then it is as if there were none.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { MemoryCache, open } from "ocipeek";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";

const DEMO = join(ROOT, "tests", "fixtures", "demo");
/** Told from all other timers by its odd length. */
const MOMENT = 173;
const limits = { maxCacheMs: MOMENT };
const never = () => new Promise(() => {});

describe("a cache that is late", () => {
  let registry;
  let reference;
  let timers = 0;
  const { setTimeout: original } = globalThis;
  before(async () => {
    registry = await serveLayout({ dir: DEMO, repository: "demo" });
    reference = `${registry.host}/demo:latest-soci`;
  });
  after(() => registry?.close());
  beforeEach(() => {
    timers = 0;
    globalThis.setTimeout = /** @type {any} */ (
      (run, ms, ...rest) => {
        if (ms === MOMENT) timers += 1;
        return original(run, ms, ...rest);
      }
    );
  });
  afterEach(() => {
    globalThis.setTimeout = original;
  });

  /** Reads two files; gives what they hold and what it cost. */
  const read = async (cache) => {
    const image = await open(reference, { platform: "linux/amd64", cache, limits });
    const files = [
      await image.readFile("/etc/os-release", "utf8"),
      Buffer.from(await image.readFile("/usr/share/demo/tz/Anguilla")).toString("latin1"),
      (await image.readdir("/etc")).length,
    ];
    await image.close();
    return { files, requests: image.stats.requests };
  };

  for (const [name, make] of /** @type {[string, (inner: any) => any][]} */ ([
    ["get", (inner) => ({ get: never, put: (key, value) => inner.put(key, value) })],
    ["get and put", () => ({ get: never, put: never })],
    ["get, put and getRange", () => ({ get: never, put: never, getRange: never })],
    ["put", (inner) => ({ get: (key) => inner.get(key), put: never })],
    [
      "getRange",
      (inner) => ({
        get: (key) => inner.get(key),
        put: (key, value) => inner.put(key, value),
        getRange: never,
      }),
    ],
  ])) {
    test(`${name} never settles: everything is read, for as many requests as without one`, async () => {
      // The first one asks this machine's registry whether it speaks TLS.
      await read(undefined);
      const without = await read(undefined);
      const began = performance.now();
      const hung = await read(make(new MemoryCache()));
      const took = performance.now() - began;
      assert.deepEqual(hung, without);
      // Twice for reading and twice for writing, then it is not asked any more.
      assert.ok(timers >= 1 && timers <= 8, `${timers} timers`);
      assert.ok(took < 4 * MOMENT + 10_000, `${took} ms`);
    });
  }

  test("what answers at once costs no timer, what answers soon is waited for", async () => {
    const cache = new MemoryCache();
    const { files, requests } = await read(cache);
    const second = await read(cache);
    assert.deepEqual(second.files, files);
    assert.equal(second.requests, 1);
    assert.ok(requests > 5);
    const promising = {
      get: async (key) => cache.get(key),
      put: async (key, value) => cache.put(key, value),
      getRange: async (key, start, end) => cache.getRange(key, start, end),
    };
    assert.deepEqual(await read(promising), second);
    assert.equal(timers, 0);
    const soon = {
      get: async (key) => {
        await new Promise((resolve) => original(resolve, 5));
        return cache.get(key);
      },
      put: () => {},
    };
    const slow = await read(soon);
    assert.deepEqual(slow.files, files);
    assert.ok(slow.requests < requests, `${slow.requests} of ${requests}`);
    assert.ok(timers > 0);
  });

  test("one late answer is forgiven, and one that fails later still does no harm", async () => {
    const cache = new MemoryCache();
    await read(cache);
    let asked = 0;
    const once = {
      get: (key) => {
        asked += 1;
        if (asked > 1) return cache.get(key);
        return new Promise((_, reject) => original(() => reject(new Error("too late")), 2 * MOMENT));
      },
      put: (key, value) => cache.put(key, value),
      getRange: (key, start, end) => cache.getRange(key, start, end),
    };
    const { requests } = await read(once);
    // The tag, and what the cache was late with.
    assert.equal(requests, 2);
    assert.equal(timers, 1);
    await new Promise((resolve) => original(resolve, 2 * MOMENT));
  });

  test("a caller who stops waits for no cache", async () => {
    const stop = new AbortController();
    const cache = { get: never, put: never };
    const opening = open(reference, { cache, limits: { maxCacheMs: 0 }, signal: stop.signal });
    original(() => stop.abort(), 50);
    await assert.rejects(opening, { code: "ABORTED" });
    assert.equal(timers, 0);
  });
});
