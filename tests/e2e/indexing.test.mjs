// Images without an index: it is built, kept, and used by the next open. In Node, over a registry that misbehaves as told.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { MemoryCache, open as openImage } from "ocipeek";
import { DirectoryCache } from "ocipeek/node";
import { ocipeek } from "../lib/cli.mjs";
import { startPlainRegistry } from "../lib/plain-registry.mjs";
import { tempFolder } from "../lib/processes.mjs";

const LAST = "the last file of latest\n";
/** Well below the layer's size, and over that of a span and what is fetched with it. */
const LITTLE = 6 << 20;

/** A cache of two methods, as users write them. */
const twoMethods = () => {
  const map = new Map();
  return { map, get: (key) => map.get(key), put: (key, value) => void map.set(key, value.slice()) };
};

describe("layers without an index", () => {
  let registry;
  before(async () => {
    registry = await startPlainRegistry();
  });
  const opened = [];
  /**
   * Opens an image that is closed after the test.
   * @param {string} reference
   * @param {import("ocipeek").OpenOptions} [options]
   */
  const open = async (reference, options) => {
    const image = await openImage(reference, options);
    opened.push(image);
    return image;
  };
  afterEach(async () => {
    for (const image of opened.splice(0)) await image.close();
    Object.assign(registry, { breakAfter: undefined, damaged: false, delay: 0 });
    registry.asked();
  });
  after(() => registry?.stop());

  /** Opens, reads and closes. */
  const readLast = async (options) => {
    const image = await open(registry.reference, options);
    const text = await image.readFile("/etc/last", "utf8");
    const [{ read }] = image.layers;
    // What is to be kept is written beside reading.
    await image.close();
    return { text, read, bytes: image.stats.bytes, asked: registry.asked() };
  };

  const caches = {
    memory: () => new MemoryCache(),
    "two methods": twoMethods,
    "a folder": () => new DirectoryCache(tempFolder("indexing").path),
  };
  for (const [name, make] of Object.entries(caches)) {
    test(`the second open is lazy: ${name}`, async () => {
      const cache = make();
      const first = await readLast({ cache, index: "build" });
      assert.deepEqual([first.text, first.read], [LAST, "ztoc"]);
      assert.equal(first.asked[0], "GET layer");
      assert.equal(first.asked.filter((line) => line === "GET layer").length, 1);
      for (const index of /** @type {const} */ (["kept", "build"])) {
        const next = await readLast({ cache, index });
        assert.deepEqual([next.text, next.read], [LAST, "ztoc"]);
        // The span is in the cache; what was asked for is the manifest alone.
        assert.deepEqual(next.asked, []);
        assert.ok(next.bytes < 2_000, `${next.bytes} bytes`);
      }
      const image = await open(registry.reference, { cache, index: "kept" });
      const path = "/data/file-003";
      assert.deepEqual(Buffer.from(await image.readFile(path)), registry.content(path));
      assert.match(registry.asked().join(), /^GET layer \d+-\d+$/);
      assert.ok(image.stats.bytes < LITTLE && image.stats.bytes < registry.layerSize / 2);
      assert.equal((await image.stat(path)).verified.metadata, "own-index");
    });
  }

  test("a cache of two methods is not trusted unless asked for", async () => {
    const cache = twoMethods();
    await readLast({ cache, index: "build" });
    const plain = await readLast({ cache });
    assert.deepEqual([plain.text, plain.read], [LAST, "whole"]);
    assert.deepEqual(plain.asked, ["GET layer"]);
    // One that gives ranges is only its owner's.
    const ranged = { ...cache, getRange: (key, from, to) => cache.get(key)?.subarray(from, to) };
    assert.equal((await readLast({ cache: ranged })).read, "ztoc");
  });

  test("a job tells how far it is, and each entry once", async () => {
    const cache = new MemoryCache();
    const image = await open(registry.reference, { cache });
    assert.equal(image.layers[0].read, "whole");
    const job = image.indexLayer(0, { spanSize: 1 << 20 });
    const names = [];
    let last;
    for await (const news of job) {
      names.push(...news.newEntries.map((entry) => entry.name));
      assert.ok(news.bytes >= (last?.bytes ?? 0) && news.bytes <= news.total);
      last = news;
    }
    assert.deepEqual(
      [last.bytes, last.total, last.entries, last.paused, last.layer, last.digest],
      [registry.layerSize, registry.layerSize, 65, false, 0, registry.layer],
    );
    assert.equal(new Set(names).size, 65);
    assert.equal(names.at(-1), "etc/last");
    const layer = await job.done;
    assert.deepEqual([layer.read, layer.ztoc.spanSize], ["ztoc", 1 << 20]);
    assert.equal(await image.readFile("/etc/last", "utf8"), LAST);
    // Done before: at once, and nothing is fetched.
    registry.asked();
    const again = await open(registry.reference, { cache });
    assert.equal((await again.indexLayer(0).done).read, "ztoc");
    assert.deepEqual(registry.asked(), []);
    assert.throws(() => again.indexLayer(7), { code: "INVALID_ARGUMENT" });
  });

  test("what is kept is found without reading", async () => {
    const cache = new MemoryCache();
    await readLast({ cache, index: "build" });
    const image = await open(registry.reference, { cache });
    registry.asked();
    const [layer] = await image.findKeptIndexes();
    assert.equal(layer.read, "ztoc");
    assert.deepEqual(registry.asked(), []);
  });

  test("pause stops the stream, resume goes on", async () => {
    registry.delay = 4;
    const image = await open(registry.reference);
    const job = image.indexLayer(0);
    let paused;
    for await (const news of job) {
      if (paused !== undefined) continue;
      if (news.bytes === 0) continue;
      job.pause();
      assert.ok(job.paused);
      await new Promise((resolve) => setTimeout(resolve, 150));
      const before = image.stats.bytes;
      await new Promise((resolve) => setTimeout(resolve, 400));
      // What was on its way came; no more.
      paused = image.stats.bytes - before;
      assert.ok(image.stats.bytes < registry.layerSize, "it was over before");
      registry.delay = 0;
      job.resume();
    }
    assert.ok(paused !== undefined && paused <= 2 << 20, `${paused} bytes while it paused`);
    assert.equal((await job.done).read, "ztoc");
  });

  test("cancel, a signal, and the image's end stop it; nothing is kept", async () => {
    registry.delay = 10;
    const cache = twoMethods();
    for (const how of ["cancel", "signal", "close"]) {
      const image = await open(registry.reference, { cache });
      const stop = new AbortController();
      const job = image.indexLayer(0, { signal: stop.signal });
      const done = assert.rejects(job.done, { code: "ABORTED", name: "AbortError" });
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (how === "cancel") job.cancel();
      else if (how === "signal") stop.abort();
      else await image.close();
      await done;
      await assert.rejects(
        async () => {
          for await (const _ of job);
        },
        { code: "ABORTED" },
      );
      await image.close();
    }
    assert.deepEqual(
      [...cache.map.keys()].filter((key) => key.startsWith("index")),
      [],
    );
  });

  test("two opens share one pass; it goes on for the one that stays", async () => {
    registry.delay = 2;
    const images = await Promise.all([1, 2].map(() => open(registry.reference, { index: "build" })));
    const [first, second] = images;
    const job = first.indexLayer(0);
    const both = Promise.all([second.readFile("/etc/last", "utf8"), job.done]);
    assert.deepEqual([(await both)[0], (await both)[1].read], [LAST, "ztoc"]);
    assert.equal(registry.asked().filter((line) => line === "GET layer").length, 1);
    for (const image of images) await image.close();

    const [third, fourth] = await Promise.all([1, 2].map(() => open(registry.reference, { index: "build" })));
    const left = assert.rejects(third.indexLayer(0).done, { code: "ABORTED" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const stays = fourth.readFile("/etc/last", "utf8");
    await new Promise((resolve) => setTimeout(resolve, 30));
    await third.close();
    await left;
    assert.equal(await stays, LAST);
    // The second goes on where the first was.
    const asked = registry.asked();
    assert.deepEqual(asked.slice(0, 1), ["GET layer"]);
    assert.match(asked[1], /^GET layer [1-9]\d*-\d+$/);
    await fourth.close();
  });

  test("who signs in as somebody else gets no part of a pass", async () => {
    registry.delay = 2;
    const auth = () => undefined;
    const login = () => ({ username: "u", password: "p" });
    for (const [auths, passes] of /** @type {[import("ocipeek").Auth[], number][]} */ ([
      [[auth, auth], 1],
      [[auth, () => undefined], 2],
      [[login(), login()], 2],
    ])) {
      const images = await Promise.all(auths.map((it) => open(registry.reference, { auth: it })));
      registry.asked();
      await Promise.all(images.map((image) => image.indexLayer(0).done));
      assert.equal(registry.asked().filter((line) => line === "GET layer").length, passes);
      // Else the next who signs in as one of them shares what is known by then.
      for (const image of images) await image.close();
    }
  });

  test("a broken connection is resumed", async () => {
    registry.breakAfter = 5_000_000;
    const image = await open(registry.reference, { index: "build" });
    const job = image.indexLayer(0);
    assert.equal((await job.done).read, "ztoc");
    const asked = registry.asked();
    assert.equal(asked[0], "GET layer");
    assert.ok(asked.length > 2, asked.join("\n"));
    assert.match(asked[1], /^GET layer \d{7}-\d+$/);
    assert.ok(image.stats.bytes < registry.layerSize * 1.1);
    registry.breakAfter = undefined;
    assert.equal(await image.readFile("/etc/last", "utf8"), LAST);
  });

  test("other bytes than the layer's are an error, and nothing is kept", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    registry.damaged = true;
    const cache = twoMethods();
    const image = await open(registry.reference, { cache, index: "build" });
    await assert.rejects(image.indexLayer(0).done, { code: "DIGEST_MISMATCH", digest: registry.layer });
    await assert.rejects(image.readFile("/etc/last"), { code: "DIGEST_MISMATCH", digest: registry.layer });
    assert.deepEqual(
      [...cache.map.keys()].filter((key) => /^(index|pack)/.test(key)),
      [],
    );
    registry.damaged = false;
    t.mock.timers.tick(60_001);
    assert.equal(await image.readFile("/etc/last", "utf8"), LAST);
  });

  test("a failure is shared by all who wait, remembered for a while, and then tried again", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    const passes = () => registry.asked().filter((line) => line.startsWith("GET layer"));
    const six = () =>
      Promise.all(Array.from({ length: 6 }, () => open(registry.reference, { index: "build" })));
    const fail = async (images, code) => {
      const reads = await Promise.allSettled(images.map((image) => image.readFile("/etc/last")));
      assert.deepEqual(
        reads.map((it) => it.status === "rejected" && it.reason.code),
        images.map(() => code),
      );
    };
    registry.damaged = true;
    const images = await six();
    registry.asked();
    const before = images.reduce((sum, { stats }) => sum + stats.bytes, 0);
    await fail(images, "DIGEST_MISMATCH");
    assert.deepEqual(passes(), ["GET layer"]);
    const bytes = () => images.reduce((sum, { stats }) => sum + stats.bytes, 0) - before;
    assert.equal(bytes(), registry.layerSize);
    // Later reads, and those of images that are opened later, are told the same for nothing.
    for (let i = 0; i < 5; i++) await fail(images, "DIGEST_MISMATCH");
    await fail(await six(), "DIGEST_MISMATCH");
    assert.deepEqual([passes(), bytes()], [[], registry.layerSize]);
    // Whoever asks for it has it tried.
    await assert.rejects(images[0].indexLayer(0).done, { code: "DIGEST_MISMATCH" });
    assert.deepEqual(passes(), ["GET layer"]);
    // Other layers, and the same one read otherwise, are not concerned.
    const other = await open(registry.other, { index: "build" });
    assert.equal((await other.readdir("/")).length, 2);
    t.mock.timers.tick(60_001);
    await fail(images, "DIGEST_MISMATCH");
    assert.deepEqual(passes(), ["GET layer"]);

    t.mock.timers.tick(60_001);
    registry.damaged = false;
    assert.equal(await images[5].readFile("/etc/last", "utf8"), LAST);
    assert.equal(await images[4].readFile("/etc/last", "utf8"), LAST);
  });

  test("a registry that wants some rest gets it, from all readers of the repository", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    let busy = true;
    let asked = 0;
    const limited = async (url, init) => {
      if (!url.includes(registry.layer)) return fetch(url, init);
      asked++;
      return busy ? new Response("", { status: 429, headers: { "retry-after": "40" } }) : fetch(url, init);
    };
    const images = [];
    for (let i = 0; i < 2; i++)
      images.push(await open(registry.reference, { index: "build", fetch: /** @type {any} */ (limited) }));
    for (const [seconds, requests] of [
      [0, 1],
      [39, 0],
      [2, 1],
    ]) {
      t.mock.timers.tick(seconds * 1000);
      asked = 0;
      for (const image of images) await assert.rejects(image.readFile("/etc/last"), { code: "RATE_LIMITED" });
      assert.equal(asked, requests, `after ${seconds} s`);
    }
    busy = false;
    t.mock.timers.tick(41_000);
    for (const image of images) assert.equal(await image.readFile("/etc/last", "utf8"), LAST);
  });

  test("a folder in which both the pack and the index are damaged is mended", async () => {
    const folder = tempFolder("indexing");
    const options = /** @type {const} */ ({ index: "build" });
    const cached = () => ({ ...options, cache: new DirectoryCache(folder.path) });
    await readLast(cached());
    const kept = readdirSync(folder.path, { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile() && /(?:index|pack)-v1/.test(it.parentPath))
      .map((it) => join(it.parentPath, it.name));
    assert.equal(kept.length, 2);
    const good = kept.map((file) => readFileSync(file));
    for (const [i, file] of kept.entries()) {
      const bad = Buffer.from(good[i]);
      for (let at = 20_000; at < bad.length; at += 1_000) bad[at] ^= 0x10;
      writeFileSync(file, bad);
    }
    const path = "/data/file-040";
    const image = await open(registry.reference, cached());
    registry.asked();
    assert.deepEqual(Buffer.from(await image.readFile(path)), registry.content(path));
    assert.equal(registry.asked().filter((line) => line === "GET layer").length, 1);
    await image.close();
    assert.deepEqual(
      kept.map((file) => readFileSync(file)),
      good,
    );
    const next = await open(registry.reference, { cache: new DirectoryCache(folder.path) });
    registry.asked();
    assert.deepEqual(Buffer.from(await next.readFile("/data/file-020")), registry.content("/data/file-020"));
    assert.ok(registry.asked().every((line) => /^GET layer \d+-\d+$/.test(line)));
    folder.remove();
  });

  test("damage of what is kept is a miss; so is another layer's", async () => {
    const cache = twoMethods();
    await readLast({ cache, index: "build" });
    const key = `index-v1:${registry.layer}`;
    const good = cache.map.get(key);
    assert.ok(good);
    const other = await open(registry.other, { cache, index: "build" });
    await other.readdir("/");
    const [foreign] = [...cache.map].find(([name]) => name.startsWith("index-v1:") && name !== key);
    const flipped = good.slice();
    flipped[good.length >> 1] ^= 1;
    for (const bad of [flipped, good.subarray(0, 200), new Uint8Array(0), cache.map.get(foreign)]) {
      cache.map.set(key, bad);
      const { text, read } = await readLast({ cache, index: "kept" });
      assert.deepEqual([text, read], [LAST, "whole"]);
    }
    // A pass puts it right.
    const built = await readLast({ cache, index: "build" });
    assert.deepEqual([built.text, built.read], [LAST, "ztoc"]);
    assert.deepEqual(Buffer.from(cache.map.get(key)), Buffer.from(good));
  });

  test("over the limit, the error names the limit and the command", async () => {
    const limits = { maxBuildLayerSize: registry.layerSize - 1 };
    const image = await open(registry.reference, { index: "build", limits });
    registry.asked();
    await assert.rejects(image.readFile("/etc/last"), {
      code: "LIMIT_EXCEEDED",
      limit: "maxBuildLayerSize",
      message: /is over the limit maxBuildLayerSize = \d+; .*`npx ocipeek soci convert`/,
    });
    assert.deepEqual(registry.asked(), []);
  });

  test("wrong options are told", async () => {
    await assert.rejects(open(registry.reference, { index: /** @type {any} */ ("yes") }), {
      code: "INVALID_ARGUMENT",
    });
  });

  test("layers up to a size are fetched whole all the same", async () => {
    for (const [indexAbove, read] of /** @type {const} */ ([
      [registry.layerSize, "whole"],
      [registry.layerSize - 1, "ztoc"],
    ])) {
      assert.equal((await readLast({ index: "build", indexAbove })).read, read);
    }
  });

  test("over the limit of what is fetched whole, the message names what would do", async () => {
    const image = await open(registry.reference, { limits: { maxWholeLayerSize: registry.layerSize - 1 } });
    await assert.rejects(image.readFile("/etc/last"), {
      code: "LIMIT_EXCEEDED",
      limit: "maxWholeLayerSize",
      message:
        /raise that limit if you trust the image, or open the image with index: "build", which streams the layer once/,
    });
  });

  test("the command indexes what is too large to be fetched whole, says what that costs, and keeps it", async () => {
    const folder = tempFolder("indexing-cli");
    const env = { XDG_CACHE_HOME: folder.path };
    const small = ["--limit", `maxWholeLayerSize=${registry.layerSize - 1}`];
    const cat = (path, ...more) => ocipeek(["cat", ...small, ...more, registry.reference, path], { env });
    const streams = () => registry.asked().filter((line) => line === "GET layer").length;
    registry.asked();
    const refused = await cat("/etc/last", "--no-build-index");
    assert.equal(refused.code, 5);
    assert.match(
      refused.stderr,
      /LIMIT_EXCEEDED: .*; raise that limit .*, or leave out --no-build-index, which /,
    );
    assert.equal(streams(), 0);
    const forgetful = await cat("/etc/last", "--no-cache");
    assert.deepEqual([forgetful.code, String(forgetful.stdout)], [0, LAST], forgetful.stderr);
    assert.equal(
      forgetful.stderr,
      "ocipeek: layer 0 has no index: all of its 16.8 MB were read once to make one; nothing is kept, so that the next " +
        "run does it again\n",
    );
    assert.deepEqual([streams(), readdirSync(folder.path)], [1, []]);

    const first = await cat("/etc/last");
    assert.deepEqual([first.code, String(first.stdout)], [0, LAST], first.stderr);
    const own = join(folder.path, "ocipeek", "content");
    const [, where, cost] =
      /^ocipeek: layer 0 has no index: all of its 16\.8 MB were read once to make one, kept in (.*); from now on a file takes about (\d\.\d) MB\n$/.exec(
        first.stderr,
      ) ?? assert.fail(first.stderr);
    assert.equal(where, own);
    assert.equal(streams(), 1);
    const next = await cat("/data/file-001", "--stats");
    assert.deepEqual(next.stdout, registry.content("/data/file-001"));
    assert.ok(registry.asked().every((line) => /^GET (?:layer \d+-\d+|config)$/.test(line)));
    const [, took] = /^\d+ requests, ([\d.]+) MB of an image/m.exec(next.stderr) ?? assert.fail(next.stderr);
    assert.ok(Number(took) <= 2 * Number(cost), `${took} MB instead of ${cost} MB`);
    // Indexes, and no copy of what the image holds.
    assert.deepEqual(
      readdirSync(own)
        .filter((name) => !/^(?:\.ocipeek-cache|CACHEDIR\.TAG)$/.test(name))
        .sort(),
      ["index-v1", "pack-v1"],
    );

    // What can be fetched whole is, unless all are wanted.
    const whole = ["cat", "--no-cache", registry.reference, "/etc/last"];
    assert.equal((await ocipeek(whole, { env })).stderr, "");
    assert.match((await ocipeek([...whole, "--build-index"], { env })).stderr, /has no index/);
    const layers = async (...more) => {
      const { stdout } = await ocipeek(["layers", "--json", ...more, registry.reference], { env });
      return JSON.parse(String(stdout))[0].read;
    };
    assert.deepEqual([await layers(), await layers("--no-cache")], ["ztoc", "whole"]);
    for (const [a, b] of [
      ["--build-index", "--no-build-index"],
      ["--no-cache", `--cache-dir=${folder.path}/other`],
    ]) {
      const both = await cat("/etc/last", a, b);
      assert.equal(both.code, 2);
      assert.match(both.stderr, new RegExp(`${a} and ${b.split("=")[0]} exclude each other`));
    }
    // A folder that cannot be used is said, and is no reason not to read.
    writeFileSync(join(folder.path, "file"), "");
    const nowhere = await ocipeek(["cat", registry.reference, "/etc/last"], {
      env: { XDG_CACHE_HOME: join(folder.path, "file") },
    });
    assert.deepEqual([nowhere.code, String(nowhere.stdout)], [0, LAST], nowhere.stderr);
    registry.asked();
    folder.remove();
  });

  test("a folder keeps it by the layer's digest", async () => {
    const folder = tempFolder("indexing");
    await readLast({ cache: new DirectoryCache(folder.path), index: "build" });
    const hex = registry.layer.slice(7);
    assert.deepEqual(readdirSync(`${folder.path}/index-v1/sha256/${hex.slice(0, 2)}`), [hex]);
    folder.remove();
  });
});
