// What requests share, and what they never do.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Fetch, type Image, MemoryCache, open } from "ocipeek";
import { type Harness, sha256, start } from "../../tests/lib/worker/harness.ts";
import { FairQueue } from "../src/request/fair-queue.ts";
import type { RequestScope } from "../src/request/request-scope.ts";

const BUNDLE = "opt/app/bin/bundle.bin";
const plainFetch: Fetch = (url, init) => fetch(url, init);

/** `open` that counts what it opened and what of it was closed. */
function counting() {
  const counts = { opened: 0, closed: 0 };
  const counted: typeof open = async (source, options) => {
    const image: Image = await open(source, options);
    counts.opened += 1;
    const close = image.close.bind(image);
    image.close = () => {
      counts.closed += 1;
      return close();
    };
    return image;
  };
  return { counts, open: counted };
}

describe("open images", () => {
  test("a warm request asks the registry nothing", async () => {
    const { counts, open } = counting();
    const h = await start({}, { open });
    const url = `${h.image}:latest-soci/-/etc/hostname`;
    const cold = await h.get(url);
    assert.equal(Number(cold.headers.get("x-ocipeek-requests")), h.requests().length);
    await cold.text();
    const warm = await h.get(url);
    assert.equal(await warm.text(), "from layer 4\n");
    assert.deepEqual(h.requests(), []);
    assert.equal(warm.headers.get("x-ocipeek-requests"), "0");
    assert.equal(warm.headers.get("x-ocipeek-bytes"), "0");
    assert.equal(warm.headers.get("server-timing"), "kept;dur=0, total;dur=0");
    // Of what is not kept as an answer, the image is.
    const other = await h.get(`${h.image}:latest-soci/-/etc/os-release`);
    assert.equal(other.status, 200);
    assert.match(other.headers.get("server-timing") ?? "", /^open;dur=\d+, find;dur=\d+, .*total;dur=\d+$/);
    // By its digest it is the same one.
    const pinned = await h.get(cold.headers.get("content-location") ?? "");
    assert.equal(pinned.status, 200);
    assert.deepEqual(counts, { opened: 2, closed: 0 });
    await h.close();
  });

  test("serve many requests at a time, each with a reader of its own, and are then kept", async () => {
    const { counts, open } = counting();
    const h = await start({}, { open });
    // Their bodies wait for a reader.
    const urls = Array.from({ length: 5 }, () => `${h.image}:latest-soci/-/${BUNDLE}`);
    const responses: Response[] = [];
    for (const url of urls) responses.push(await h.get(url));
    assert.deepEqual(counts, { opened: 1, closed: 0 });
    const bodies = await Promise.all(responses.map(sha256));
    assert.equal(new Set(bodies).size, 1);
    await h.idle();
    assert.deepEqual(counts, { opened: 1, closed: 0 });
    await h.close();
  });

  test("are kept up to a number, and the one that was used last stays", async () => {
    const { counts, open } = counting();
    const h = await start({ OCIPEEK_LIMITS: { maxOpenImages: 1 } }, { open });
    for (const tag of ["latest", "latest-soci", "latest-soci"]) {
      assert.equal((await h.get(`${h.image}:${tag}/-/etc/`)).status, 200);
    }
    await h.idle();
    assert.deepEqual(counts, { opened: 2, closed: 1 });
    await h.close();
  });

  test("are opened once for many who ask at the same time, cold", async () => {
    const { counts, open } = counting();
    const h = await start({}, { open });
    const urls = Array.from({ length: 32 }, () => `${h.image}:latest-soci/-/etc/hostname`);
    const texts = await Promise.all(urls.map(async (url) => (await h.get(url)).text()));
    assert.deepEqual(new Set(texts), new Set(["from layer 4\n"]));
    // Who waited for long opens it, too: on a busy machine some do.
    assert.ok(counts.opened <= 8, `${counts.opened} were opened`);
    await h.close();
  });

  test("warm requests that come together share one after the other", async () => {
    const { counts, open } = counting();
    const h = await start({}, { open });
    const url = `${h.image}:latest-soci/-/etc/hostname`;
    await (await h.get(url)).text();
    await Promise.all(Array.from({ length: 32 }, async () => (await h.get(url)).text()));
    // Who waited for long opens it, too: on a busy machine some do.
    assert.ok(counts.opened <= 8, `${counts.opened} were opened`);
    await h.close();
  });

  test("of another platform or tag are others", async () => {
    const h = await start();
    const a = await h.get(`${h.image}:latest-soci/-/etc/hostname`);
    const b = await h.get(`${h.image}:latest/-/etc/hostname`);
    assert.notEqual(a.headers.get("x-ocipeek-digest"), b.headers.get("x-ocipeek-digest"));
    const c = await h.get(`${h.image}:latest-soci/-/etc/hostname?platform=windows/amd64`);
    assert.deepEqual([c.status, c.headers.get("x-ocipeek-error")], [404, "NOT_FOUND"]);
    await h.close();
  });
});

describe("lines", () => {
  const someone = () => ({ stopped: false }) as RequestScope & { stopped: boolean };

  test("keep the order, and those who are gone hold up nobody", () => {
    let now = 0;
    const lines = new FairQueue(() => now);
    const [a, b, c] = [someone(), someone(), someone()] as const;
    assert.ok(lines.isFirst("x", a));
    lines.join("x", a);
    lines.join("x", b);
    lines.join("x", a);
    assert.deepEqual(
      [a, b, c].map((one) => lines.isFirst("x", one)),
      [true, false, false],
    );
    assert.ok(lines.isFirst("y", c));
    lines.leave("x", a);
    assert.deepEqual(
      [a, b, c].map((one) => lines.isFirst("x", one)),
      [false, true, false],
    );
    lines.join("x", c);
    now = 150;
    lines.join("x", c);
    now = 250;
    assert.ok(lines.isFirst("x", c), "b has not looked for long");
    Object.defineProperty(c, "stopped", { value: true });
    assert.ok(lines.isFirst("x", a));
  });
});

describe("tags", () => {
  async function moving(env: Record<string, unknown> = {}, cache?: MemoryCache) {
    const state = { tag: "latest", now: Date.now() };
    const fetch: Fetch = (url, init) =>
      plainFetch(url.replace("/manifests/moving", `/manifests/${state.tag}`), init);
    const h = await start(env, { fetch, now: () => state.now, ...(cache ? { cache } : {}) });
    const digest = async () => {
      const response = await h.get(`${h.image}:moving/-/etc/hostname`);
      assert.equal(response.status, 200);
      return response.headers.get("x-ocipeek-digest");
    };
    return { h, state, digest };
  }

  test("are asked for again after their time", async () => {
    const { h, state, digest } = await moving({ OCIPEEK_TAG_TTL: 30 });
    const before = await digest();
    state.tag = "latest-soci";
    state.now += 29_000;
    h.requests();
    assert.equal(await digest(), before);
    assert.deepEqual(h.requests(), []);
    state.now += 2_000;
    const after = await digest();
    assert.notEqual(after, before);
    // Back again: the image is still open, and only the tag is asked for.
    state.tag = "latest";
    state.now += 31_000;
    assert.equal(await digest(), before);
    await h.close();
  });

  test("are asked for each time where nothing may be remembered", async () => {
    const { h, state, digest } = await moving({ OCIPEEK_TAG_TTL: 0 });
    const before = await digest();
    state.tag = "latest-soci";
    assert.notEqual(await digest(), before);
    await h.close();
  });

  test("are remembered for other isolates too, for no longer than their time", async () => {
    const cache = new MemoryCache();
    const first = await moving({}, cache);
    const digest = await first.digest();
    const url = `${first.h.image}:moving/-/etc/hostname`;
    await first.h.idle();
    first.h.requests();
    // Another isolate over the same cache and registry.
    const second = await start(
      { OCIPEEK_INSECURE_REGISTRIES: [first.h.host] },
      { cache, now: () => first.state.now },
    );
    const response = await second.get(url);
    assert.equal(response.headers.get("x-ocipeek-digest"), digest);
    assert.ok(first.h.requests().every((request) => !request.includes("/manifests/")));
    first.state.now += 61_000;
    assert.equal((await second.get(url)).status, 404, "the registry knows no such tag");
    await second.close();
    await first.h.close();
  });

  test("in a cache that says nonsense are asked for", async () => {
    for (const text of ["", "{", "null", "[]", '{"digest":"sha256:1"}', '{"digest":1,"until":9e99}']) {
      const cache = {
        get: (key: string) => (key.startsWith("tag-") ? new TextEncoder().encode(text) : undefined),
        put: () => {
          throw new Error("full");
        },
      };
      const h = await start({}, { cache });
      assert.equal((await h.get(`${h.image}:latest-soci/-/etc/hostname`)).status, 200, text);
      await h.close();
    }
  });
});

describe("a cache by digest", () => {
  test("gives no image under the name of a repository that does not hold it", async () => {
    const cache = new MemoryCache();
    const one = await start({}, { cache });
    const two = await start({ OCIPEEK_INSECURE_REGISTRIES: [one.host] }, { cache });
    const first = await one.get(`${one.image}:latest-soci/-/etc/hostname`);
    await first.text();
    const pinned = first.headers.get("content-location") ?? "";
    for (const h of [one, two]) {
      const elsewhere = await h.get(pinned.replace("/demo@", "/other@"));
      assert.deepEqual([elsewhere.status, elsewhere.headers.get("x-ocipeek-error")], [404, "NOT_FOUND"]);
    }
    one.requests();
    // Where it is held another isolate finds all of it, without a request.
    const found = await two.get(pinned);
    assert.equal(await found.text(), "from layer 4\n");
    assert.deepEqual(one.requests(), []);
    await one.close();
    await two.close();
  });
});

describe("the caller's credentials", () => {
  const right = `Basic ${Buffer.from("user:pass").toString("base64")}`;
  const wrong = `Basic ${Buffer.from("user:nope").toString("base64")}`;
  const guarded: Fetch = (url, init) => {
    const given = init.headers.authorization ?? init.headers.Authorization;
    if (given === right) return plainFetch(url, init);
    const headers = { "www-authenticate": 'Basic realm="demo"' };
    return Promise.resolve(new Response("{}", { status: 401, headers }));
  };

  async function withPrivate(
    env: Record<string, unknown>,
    work: (h: Harness, url: string, puts: string[]) => Promise<void>,
  ): Promise<void> {
    const store = new MemoryCache();
    const puts: string[] = [];
    const cache = {
      get: (key: string) => store.get(key),
      put: (key: string, value: Uint8Array) => {
        puts.push(key);
        store.put(key, value);
      },
    };
    const h = await start(env, { fetch: guarded, cache });
    try {
      await work(h, `${h.image}:latest-soci/-/etc/hostname`, puts);
    } finally {
      await h.close();
    }
  }

  test("are passed on for their request alone", () =>
    withPrivate({ OCIPEEK_PASS_AUTHORIZATION: "true" }, async (h, url, puts) => {
      const mine = await h.get(url, { authorization: right });
      assert.equal(await mine.text(), "from layer 4\n");
      assert.equal(mine.headers.get("cache-control"), "private, no-cache, no-transform");
      assert.equal(mine.headers.get("cross-origin-resource-policy"), "same-origin");
      assert.equal(mine.headers.get("vary"), "authorization");
      assert.deepEqual(puts, [], "nothing of it is kept for others");
      const pinned = mine.headers.get("content-location") ?? "";
      for (const other of [{}, { authorization: wrong }, { authorization: "Bearer abc" }] as Record<
        string,
        string
      >[]) {
        for (const path of [url, pinned, `${h.image}:latest-soci/`, `${pinned}?platform=linux/amd64`]) {
          const response = await h.get(path, other);
          assert.equal(response.status, 401, path);
          assert.equal(response.headers.get("www-authenticate"), 'Basic realm="registry", charset="UTF-8"');
          assert.equal(response.headers.get("vary"), "accept, authorization");
        }
      }
      const script = await h.get(url, { authorization: wrong, "sec-fetch-dest": "empty" });
      const asked = script.headers.get("www-authenticate");
      assert.equal(asked, 'Operator realm="registry"', "a script asks its user itself, the browser does not");
      const etag = mine.headers.get("etag") ?? "";
      assert.equal((await h.get(url, { authorization: right, "if-none-match": etag })).status, 304);
      assert.equal((await h.get(url, { "if-none-match": etag })).status, 401);
      const listing = await h.get(url.replace("hostname", ""), { authorization: right });
      assert.equal(listing.headers.get("vary"), "accept, authorization");
      assert.equal(listing.headers.get("cache-control"), "private, no-cache");
      const head = await h.get(`${h.image}:latest-soci/`, { authorization: right }, "HEAD");
      assert.equal(head.headers.get("cache-control"), "private, no-cache");
      const preflight = await h.get(url, {}, "OPTIONS");
      assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /authorization/);
      assert.deepEqual(puts, []);
      assert.doesNotMatch(JSON.stringify(h.logs()), /pass|dXNlcj/);
    }));

  test("are not looked at where the configuration does not say so", () =>
    withPrivate({}, async (h, url) => {
      const response = await h.get(url, { authorization: right });
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("www-authenticate"), 'Operator realm="registry"');
    }));

  test("that are none are refused", () =>
    withPrivate({ OCIPEEK_PASS_AUTHORIZATION: true }, async (h, url) => {
      const response = await h.get(url, { authorization: `Basic ${btoa("nocolon")}` });
      assert.deepEqual([response.status, response.headers.get("x-ocipeek-error")], [400, "INVALID_ARGUMENT"]);
    }));
});

describe("logs", () => {
  test("say what happened, and no query and no path of the image", async () => {
    const points: { indexes?: string[]; blobs?: string[]; doubles?: number[] }[] = [];
    const h = await start({}, { analytics: { writeDataPoint: (point) => void points.push(point) } });
    await (
      await h.get(`${h.image}:latest-soci/-/etc/hostname?download`, { authorization: "Basic c2VjcmV0" })
    ).text();
    const [record] = h.logs();
    assert.ok(record);
    assert.deepEqual(
      [record.level, record.method, record.kind, record.repository, record.tag, record.status, record.sent],
      ["info", "GET", "tree", "demo", "latest-soci", 200, 13],
    );
    assert.ok(Number(record.requests) > 3 && Number(record.bytes) > 1000 && Number(record.inflated) > 0);
    assert.doesNotMatch(JSON.stringify(record), /hostname|download|c2VjcmV0/);
    assert.equal(points.length, 1);
    assert.deepEqual(points[0]?.blobs, ["tree", "GET", "200", "", "demo"]);
    assert.deepEqual(points[0]?.indexes, [h.host]);
    await h.close();
  });
});
