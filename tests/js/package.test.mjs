// The package's face in Node: sources, aborts, streams, progress, caches, errors, freeing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, openAsBlob, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { imagesIn, MemoryCache, memoryHeld, OcipeekError, open, setMemoryLimit } from "ocipeek";
import { DirectoryCache } from "ocipeek/node";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { ROOT, run } from "../../scripts/lib/run.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { saveNew, saveOld } from "../lib/docker-save.mjs";
import { merged } from "../lib/expected.mjs";
import { tempFolder } from "../lib/processes.mjs";

const DEMO = join(ROOT, "tests", "fixtures", "demo");
const platform = "linux/amd64";
const LAYOUT = `oci:${DEMO}:latest-soci`;
const OS_RELEASE = /^PRETTY_NAME="ocipeek demo 2"/;
const BIG = "/bin/toybox";

/** @type {(wanted: string) => (error: any) => boolean} */
const code = (wanted) => (error) => error instanceof OcipeekError && error.code === wanted;

describe("the package", () => {
  let registry;
  let folder;
  let archive;
  before(async () => {
    registry = await serveLayout({ dir: DEMO, repository: "demo" });
    folder = tempFolder("package");
    archive = join(folder.path, "demo.tar");
    await run("tar", ["-cf", archive, "-C", DEMO, "oci-layout", "index.json", "blobs"]);
  });
  after(async () => {
    await registry?.close();
    folder?.remove();
  });
  const reference = () => `${registry.host}/demo:latest-soci`;

  describe("sources", () => {
    const check = async (source, options) => {
      const image = await open(source, { platform, ...options });
      assert.match(await image.readFile("/etc/os-release", "utf8"), OS_RELEASE);
      await image.close();
    };
    test("a registry", () => check(reference()));
    test("a folder", () => check(LAYOUT));
    test("a folder, the tag as an option", () => check(`oci:${DEMO}`, { tag: "latest-soci-4m" }));
    test("a folder, by digest", async () => {
      const index = JSON.parse(readFileSync(join(DEMO, "index.json"), "utf8"));
      const named = (m) => m.annotations?.["org.opencontainers.image.ref.name"] === "latest-soci";
      await check(`oci:${DEMO}@${index.manifests.find(named).digest}`);
    });
    test("a tar", () => check(`oci-archive:${archive}:latest`));
    test("a Blob, read by slices", async () => {
      const blob = await openAsBlob(archive);
      const slice = blob.slice.bind(blob);
      let most = 0;
      blob.slice = (start = 0, end = blob.size) => {
        most = Math.max(most, end - start);
        return slice(start, end);
      };
      await check(blob, { tag: "latest-soci" });
      assert.ok(most <= 1 << 20, `${most} bytes at once`);
    });
    test("a folder, by functions and as a map of files", async () => {
      const path = (name) => join(DEMO, name);
      const size = (name) => (existsSync(path(name)) ? statSync(path(name)).size : undefined);
      const read = (name, start, end) => readFileSync(path(name)).subarray(start, end);
      await check({ name: "demo", size, read }, { tag: "latest-soci" });
      const files = new Map();
      for (const name of ["oci-layout", "index.json"]) files.set(name, await openAsBlob(path(name)));
      for (const hex of readdirSync(path("blobs/sha256"))) {
        files.set(`blobs/sha256/${hex}`, await openAsBlob(path(`blobs/sha256/${hex}`)));
      }
      await check(files, { tag: "latest" });
      await check(files, { tag: "latest-soci-4m" });
    });

    describe("what docker save writes", () => {
      const file = (name) => join(folder.path, `${name}.tar`);
      before(async () => {
        const others = ["ghcr.io/x/base:1"];
        await saveOld(file("old"), join(folder.path, "old"), { names: ["demo:latest"], others });
        await saveNew(file("new"), join(folder.path, "new"));
      });

      test("has its images told", async () => {
        assert.deepEqual(await imagesIn(`docker-archive:${file("old")}`), [
          "docker.io/library/demo:latest",
          "ghcr.io/x/base:1",
        ]);
        assert.deepEqual(await imagesIn(await openAsBlob(file("new"))), ["docker.io/library/demo:latest"]);
        await assert.rejects(imagesIn("alpine"), code("INVALID_ARGUMENT"));
        await assert.rejects(open(`docker-archive:${file("old")}`), code("INVALID_ARGUMENT"));
      });

      for (const name of ["old", "new"]) {
        test(`${name}, in a tar, as a Blob and unpacked: all files as they are`, async () => {
          const wanted = merged().filter((it) => it.sha256 && /^[ -~]+$/.test(it.path));
          assert.ok(wanted.length > 1000);
          const sources = [
            `docker-archive:${file(name)}:demo:latest`,
            `oci:${join(folder.path, name)}:demo:latest`,
            await openAsBlob(file(name)),
          ];
          for (const source of sources) {
            const image = await open(source, { platform, tag: "demo:latest" });
            const read = typeof source === "string" ? "whole" : "tar";
            assert.deepEqual([...new Set(image.layers.map((layer) => layer.read))], [read]);
            for (const { path, sha256 } of wanted.slice(0, typeof source === "string" ? 20 : undefined)) {
              const { data, verified } = await image.read(path);
              assert.equal(createHash("sha256").update(data).digest("hex"), sha256, path);
              assert.equal(verified.content, "layer-digest");
            }
            await image.close();
          }
        });
      }

      test("a Blob's layers are hashed once, and then read by ranges", async () => {
        const image = await open(await openAsBlob(file("old")), { platform, tag: "demo:latest" });
        await image.stat(BIG);
        for await (const _ of image.walk("/"));
        const before = image.stats.bytes;
        const { data } = await image.read(BIG, { start: 1000, end: 1500 });
        assert.equal(data.length, 500);
        assert.equal(image.stats.bytes - before, 500);
        await image.close();
      });
    });

    test("what is none", async () => {
      await assert.rejects(open("Not A Reference"), code("INVALID_REFERENCE"));
      await assert.rejects(open("oci:"), code("INVALID_REFERENCE"));
      await assert.rejects(open("oci:/no/such/folder"), OcipeekError);
      await assert.rejects(open(`oci:${DEMO}:no-such-tag`, { platform }), code("NOT_FOUND"));
    });
    test("options out of their domain", async () => {
      for (const options of [{ limits: { noSuchLimit: 1 } }, { limits: { maxSpans: -1 } }, { fetch: 7 }]) {
        // @ts-expect-error: on purpose
        await assert.rejects(open(LAYOUT, options), code("INVALID_ARGUMENT"));
      }
      await assert.rejects(open(LAYOUT, { platform: "a/b/c/d/e" }), OcipeekError);
    });
  });

  test("prefetch fetches the spans that the index names, once", async () => {
    const image = await open(`${registry.host}/demo:latest-soci-head`, { platform });
    const ranges = () => image.stats.log.filter((r) => r.range).length;
    await image.prefetch();
    const first = ranges();
    assert.ok(first > 0);
    await image.prefetch();
    assert.equal(ranges(), first);
    await image.close();
    const without = await open(reference(), { platform });
    const before = without.stats.requests;
    await without.prefetch();
    assert.equal(without.stats.requests, before);
    await without.close();
  });

  describe("errors", () => {
    test("carry what they concern", async () => {
      const image = await open(LAYOUT, { platform });
      await assert.rejects(image.readFile("/no/such\x1b[31m"), (error) => {
        assert.ok(error instanceof OcipeekError && error instanceof Error);
        assert.equal(error.code, "ENOENT");
        assert.equal(error.path, "/no/such\x1b[31m");
        assert.equal(error.name, "OcipeekError");
        assert.ok(!error.message.includes("\x1b"));
        return true;
      });
      await assert.rejects(image.readFile("/etc"), code("EISDIR"));
      await assert.rejects(image.readlink("/etc"), code("EINVAL"));
      await assert.rejects(image.readdir("/etc/services"), code("ENOTDIR"));
      assert.equal(await image.readlink("/etc/os-release"), "../usr/lib/os-release");
      assert.equal(await image.realpath("/etc/os-release"), "/usr/lib/os-release");
      assert.equal(await image.exists("/etc/hosts-not-there"), false);
      await assert.rejects(image.read("/etc/services", { start: 5, end: 2 }), code("INVALID_ARGUMENT"));
      // @ts-expect-error: on purpose
      await assert.rejects(async () => image.stat(7), code("INVALID_ARGUMENT"));
    });

    test("what an injected fetch throws is the cause", async () => {
      const cause = new TypeError("no network here");
      const limits = { maxAttempts: 1 };
      const failing = open(reference(), { platform, limits, fetch: () => Promise.reject(cause) });
      await assert.rejects(
        failing,
        (/** @type {any} */ error) => code("NETWORK")(error) && error.cause === cause,
      );
    });

    test("limits are named as they are set", async () => {
      const image = await open(LAYOUT, { platform, limits: { maxFileSize: 10 } });
      await assert.rejects(
        image.readFile("/etc/services"),
        (/** @type {any} */ error) =>
          error.limit === "maxFileSize" && / maxFileSize = 10;/.test(error.message),
      );
    });

    test("memory is one budget, and idle images may be closed for it", async () => {
      const first = await open(LAYOUT, { platform });
      const second = await open(LAYOUT, { platform });
      const read = () => second.readFile("/opt/app/bin/bundle.bin");
      await first.readFile("/opt/app/bin/bundle.bin");
      const held = memoryHeld();
      assert.ok(held > 1 << 20, `${held}`);
      try {
        setMemoryLimit(200_000);
        await assert.rejects(
          read(),
          (/** @type {any} */ error) =>
            code("LIMIT_EXCEEDED")(error) &&
            error.limit === "maxMemory" &&
            / maxMemory = 200000;/.test(error.message),
        );
        // What was kept for later reads is given up before.
        assert.ok(memoryHeld() < held, `${memoryHeld()}`);
        let asked = 0;
        setMemoryLimit(0, {
          onPressure: () => {
            asked += 1;
            if (first.isOpen) void first.close();
          },
        });
        await assert.rejects(read(), code("LIMIT_EXCEEDED"));
        assert.ok(asked > 0);
        assert.equal(first.isOpen, false);
      } finally {
        setMemoryLimit(2 ** 31);
      }
      assert.ok((await read()).length > 1 << 20);
      second.allowInflated(1000);
      await assert.rejects(
        second.readFile("/bin/toybox"),
        (/** @type {any} */ error) => error.limit === "maxInflatedBytes",
      );
      await second.close();
      assert.throws(() => setMemoryLimit(-1), code("INVALID_ARGUMENT"));
    });
  });

  describe("aborts", () => {
    /** Answers manifests, and lets everything else hang until it is aborted. */
    const hanging = (seen) => (url, init) => {
      if (/\/manifests\//.test(url)) return fetch(url, init);
      return new Promise((_resolve, reject) => {
        init.signal.addEventListener("abort", () => {
          seen.push(url);
          reject(init.signal.reason);
        });
      });
    };

    test("a signal stops an operation and its requests", async () => {
      const seen = [];
      const image = await open(reference(), { platform, fetch: hanging(seen) });
      const reason = new Error("enough");
      const controller = new AbortController();
      const reading = image.readFile("/etc/services", { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      await assert.rejects(reading, (/** @type {any} */ error) => {
        assert.equal(error.code, "ABORTED");
        assert.equal(error.name, "AbortError");
        assert.equal(error.cause, reason);
        return true;
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(seen.length > 0);
      await image.close();
    });

    test("a signal ends the connection to a server that is slow", async () => {
      // Answers manifests; of a blob it sends the headers and one byte, and then waits.
      const ended = [];
      const server = createServer(async (req, res) => {
        if (/\/blobs\//.test(req.url)) {
          res.once("close", () => ended.push(res.writableFinished));
          res.writeHead(200, { "Content-Type": "application/octet-stream" }).write("x");
          return;
        }
        const answer = await fetch(`http://${registry.host}${req.url}`, {
          headers: { Accept: req.headers.accept },
        });
        res.writeHead(answer.status, { "Content-Type": answer.headers.get("content-type") });
        res.end(Buffer.from(await answer.arrayBuffer()));
      });
      const port = await listen(server);
      const image = await open(`http://127.0.0.1:${port}/demo:latest-soci`, { platform });
      try {
        const reading = image.readFile("/etc/services", { signal: AbortSignal.timeout(100) });
        await assert.rejects(reading, code("ABORTED"));
        for (let i = 0; i < 200 && ended.length === 0; i++) await new Promise((r) => setTimeout(r, 10));
        assert.ok(ended.length > 0, "the server sees the end of its connection");
        assert.ok(ended.every((finished) => !finished));
        assert.equal(image.stats.requests, ended.length + 3);
      } finally {
        await image.close();
        await closeServer(server);
      }
    });

    test("one that was aborted before stops at once", async () => {
      const signal = AbortSignal.abort();
      await assert.rejects(open(LAYOUT, { signal }), code("ABORTED"));
      const image = await open(LAYOUT, { platform });
      await assert.rejects(image.stat("/", { signal }), code("ABORTED"));
      await assert.rejects(
        image.createReadStream("/etc/services", { signal }).getReader().read(),
        code("ABORTED"),
      );
    });

    test("close stops what runs, and what comes after it fails", async () => {
      const seen = [];
      const image = await open(reference(), { platform, fetch: hanging(seen) });
      const reading = image.readFile("/etc/services");
      const layer = image.layer(0);
      setTimeout(() => image.close(), 20);
      await assert.rejects(reading, code("ABORTED"));
      await assert.rejects(image.stat("/"), code("INVALID_ARGUMENT"));
      await assert.rejects(layer.stat("/"), code("INVALID_ARGUMENT"));
      assert.ok(image.stats.log.length > 0, "the cost can still be told");
      await image.close();
    });

    test("a signal leaves no listeners behind", async () => {
      let listeners = 0;
      const { signal } = new AbortController();
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (...args) => {
        listeners += 1;
        add(...args);
      };
      signal.removeEventListener = (...args) => {
        listeners -= 1;
        remove(...args);
      };
      const image = await open(LAYOUT, { platform, signal });
      await image.readFile("/etc/services", { signal });
      for await (const _ of image.createReadStream("/etc/services", { signal }));
      for await (const _ of image.walk("/etc", { signal })) break;
      assert.equal(listeners, 0);
    });
  });

  describe("streams", () => {
    test("give the same bytes as readFile, by both kinds of readers, and ranges of them", async () => {
      const image = await open(LAYOUT, { platform });
      const whole = Buffer.from(await image.readFile(BIG));
      const stream = image.createReadStream(BIG);
      const stats = await stream.stats;
      assert.equal(stats.size, whole.length);
      assert.equal((await stream.verified).content, "span-digest");
      const parts = [];
      for await (const part of stream) parts.push(part);
      assert.ok(Buffer.concat(parts).equals(whole));

      const byob = image.createReadStream(BIG, { start: 1000, end: 50_000 }).getReader({ mode: "byob" });
      const got = [];
      let view = new Uint8Array(777);
      for (;;) {
        const { done, value } = await byob.read(view);
        if (done) break;
        got.push(Buffer.from(value));
        view = new Uint8Array(value.buffer);
      }
      assert.ok(Buffer.concat(got).equals(whole.subarray(1000, 50_000)));
      assert.equal((await image.readFile(BIG, { start: whole.length - 3 })).length, 3);
    });

    test("an empty file ends at once", async () => {
      const image = await open(LAYOUT, { platform });
      for await (const entry of image.walk("/")) {
        if (!entry.isFile() || entry.size > 0) continue;
        const { done } = await image.createReadStream(entry.pathBytes).getReader().read();
        assert.equal(done, true);
        return;
      }
      assert.fail("the demo image has empty files");
    });

    test("nothing is fetched before the first read; cancel ends it", async () => {
      const image = await open(reference(), { platform });
      const before = image.stats.requests;
      const stream = image.createReadStream(BIG);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(image.stats.requests, before);
      const reader = stream.getReader();
      assert.ok((await reader.read()).value.length > 0);
      await reader.cancel("enough");
      assert.equal((await reader.read()).done, true);
      await image.close();
    });

    test("a missing file is an error of the stream", async () => {
      const image = await open(LAYOUT, { platform });
      const stream = image.createReadStream("/none");
      await assert.rejects(stream.getReader().read(), code("ENOENT"));
      await assert.rejects(stream.stats, code("ENOENT"));
    });
  });

  describe("names", () => {
    test("that are not UTF-8 come and go as bytes", async () => {
      const image = await open(LAYOUT, { platform });
      const odd = [];
      for await (const entry of image.walk("/")) {
        if (entry.path.includes("\ufffd") && entry.isFile()) odd.push(entry);
      }
      assert.ok(odd.length > 0);
      for (const entry of odd) {
        assert.equal((await image.lstat(entry.pathBytes)).size, entry.size);
        const folder = entry.pathBytes.subarray(0, entry.pathBytes.lastIndexOf(0x2f));
        const names = await image.readdir(folder, { encoding: "buffer" });
        assert.ok(names.some((name) => Buffer.from(entry.pathBytes).includes(Buffer.from(name))));
        assert.ok(JSON.parse(JSON.stringify(entry)).pathBase64);
      }
    });
  });

  test("onProgress tells sums, and what it throws breaks nothing", async () => {
    const told = [];
    const image = await open(reference(), { platform, onProgress: (p) => told.push({ ...p }) });
    await image.readFile("/etc/services");
    const { requests, bytes } = image.stats;
    assert.deepEqual(told.at(-1), { requests, bytes });
    assert.ok(told.every((p, i) => i === 0 || p.bytes >= told[i - 1].bytes));
    assert.ok(told.length < 20);
  });

  test("credentials are asked for only where the registry wants some, and once", async () => {
    let asked = 0;
    const auth = () => {
      asked += 1;
      return { username: "u", password: "p" };
    };
    await (await open(reference(), { platform, auth })).readFile("/etc/services");
    assert.equal(asked, 0);
  });

  for (const [name, make] of /** @type {[string, () => import("ocipeek").Cache][]} */ ([
    ["MemoryCache", () => new MemoryCache()],
    ["DirectoryCache", () => new DirectoryCache(join(folder.path, "cache"))],
    [
      "an object of two functions",
      () => {
        const map = new Map();
        return { get: (key) => map.get(key), put: (key, value) => void map.set(key, value) };
      },
    ],
  ])) {
    test(`${name}: a second image fetches only what the tag says`, async () => {
      const cache = make();
      const read = async () => {
        const image = await open(reference(), { platform, cache });
        assert.match(await image.readFile("/etc/os-release", "utf8"), OS_RELEASE);
        await image.close();
        return image.stats;
      };
      const first = await read();
      const second = await read();
      assert.ok(first.requests > 5);
      assert.equal(second.requests, 1, JSON.stringify(second));
      assert.ok(second.cacheHits > 0);
    });
  }

  test("a cache that lies or throws costs requests, not content", async () => {
    for (const cache of [
      { get: () => new Uint8Array(9), put: () => {} },
      {
        get: () => Promise.reject(new Error("x")),
        put: () => {
          throw new Error("y");
        },
      },
      { get: () => "text", put: () => undefined },
    ]) {
      // @ts-expect-error: on purpose
      const image = await open(reference(), { platform, cache });
      assert.match(await image.readFile("/etc/os-release", "utf8"), OS_RELEASE);
    }
  });

  test("MemoryCache keeps what was used last, within its size", () => {
    const cache = new MemoryCache({ maxBytes: 10 });
    cache.put("a", new Uint8Array(4));
    cache.put("b", new Uint8Array(4));
    cache.get("a");
    cache.put("c", new Uint8Array(4));
    assert.deepEqual(
      ["a", "b", "c"].map((k) => cache.get(k)?.length),
      [4, undefined, 4],
    );
    cache.put("d", new Uint8Array(11));
    assert.equal(cache.get("d"), undefined);
    assert.equal(cache.bytes, 8);
  });
});
