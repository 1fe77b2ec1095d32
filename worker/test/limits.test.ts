// What requests may cost, and how failures are told.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Fetch, type Image, type open, open as openImage } from "ocipeek";
import { type Harness, start } from "../../tests/lib/worker/harness.ts";
import { HttpError } from "../src/errors.ts";
import type { Ports } from "../src/ports.ts";

const BUNDLE = "opt/app/bin/bundle.bin";
const plainFetch: Fetch = (url, init) => fetch(url, init);

/** Runs `work` with a handler of its own. */
async function using(
  env: Record<string, unknown>,
  ports: Partial<Ports>,
  work: (h: Harness, image: string) => Promise<void>,
): Promise<void> {
  const h = await start(env, ports);
  try {
    await work(h, `${h.image}:latest-soci/-`);
    await h.idle();
  } finally {
    await h.close();
  }
}

/** `open` of images that have so many entries, at hand without waiting for anything. */
function endless(count: number, onEntry: () => void): typeof open {
  return async (source, options) => {
    const image: Image = await openImage(source, options);
    const stats = await image.stat("/etc");
    const walk = async function* () {
      for (let i = 0; i < count; i++) {
        onEntry();
        const pathBytes = new TextEncoder().encode(`/etc/${i}`);
        yield new Proxy(stats, {
          get: (it, name) => {
            const value = name === "pathBytes" ? pathBytes : Reflect.get(it, name, it);
            return typeof value === "function" ? value.bind(it) : value;
          },
        });
      }
    };
    const reader = image.reader.bind(image);
    image.reader = (own) => Object.assign(reader(own), { walk });
    return image;
  };
}

async function assertError(response: Response, status: number, code: string, words?: RegExp): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("x-ocipeek-error"), code, text);
  assert.equal(response.headers.get("cache-control"), "no-store");
  if (words) assert.match(text, words);
}

describe("limits of a request", () => {
  test("subrequests, without trying again", () =>
    using({ OCIPEEK_LIMITS: { maxSubrequests: 3 } }, {}, async (h, image) => {
      await assertError(await h.get(`${image}/etc/hostname`), 413, "LIMIT_EXCEEDED", /maxSubrequests = 3/);
      assert.equal(h.requests().length, 3);
    }));

  test("bytes fetched", () =>
    using({ OCIPEEK_LIMITS: { maxFetchedBytes: 10_000 } }, {}, async (h, image) => {
      await assertError(
        await h.get(`${image}/etc/hostname`),
        413,
        "LIMIT_EXCEEDED",
        /maxFetchedBytes = 10000/,
      );
    }));

  test("bytes inflated, before the head", () =>
    using({ OCIPEEK_LIMITS: { maxInflatedBytes: 100 } }, {}, async (h, image) => {
      await assertError(await h.get(`${image}/${BUNDLE}`), 413, "LIMIT_EXCEEDED", /maxInflatedBytes = 100/);
    }));

  test("bytes inflated, in the middle of a body", () =>
    using({ OCIPEEK_LIMITS: { maxInflatedBytes: 900_000 } }, {}, async (h, image) => {
      const response = await h.get(`${image}/${BUNDLE}`);
      assert.equal(response.status, 200);
      await assert.rejects(response.arrayBuffer(), { code: "LIMIT_EXCEEDED" });
      await h.idle();
      const record = h.logs().at(-1);
      assert.deepEqual([record?.status, record?.code], [200, "LIMIT_EXCEEDED"]);
      // Others are not held up by it.
      assert.equal((await h.get(`${image}/etc/hostname`)).status, 200);
    }));

  test("entries of a listing, of a subtree and of an archive", () =>
    using({ OCIPEEK_LIMITS: { maxEntries: 5, maxListing: 4 } }, {}, async (h, image) => {
      await assertError(await h.get(`${image}/etc/`), 413, "LIMIT_EXCEEDED", /maxListing = 4/);
      await assertError(await h.get(`${image}/etc/?recursive`), 413, "LIMIT_EXCEEDED", /maxEntries = 5/);
      await assert.rejects((await h.get(`${image}/?tar`)).arrayBuffer(), { code: "LIMIT_EXCEEDED" });
    }));

  for (const [path, accept] of [
    ["/etc/", "application/json"],
    ["/etc/", "text/html"],
    ["/?recursive", "*/*"],
    ["/?recursive&glob=**/*", "*/*"],
    ["/?tar", "*/*"],
  ] as const) {
    test(`long work gives others their turn, and ends when its time is over: ${path} as ${accept}`, () => {
      let reached = 0;
      const most = 400_000;
      const limits = { maxEntries: most, maxListing: most };
      return using({ OCIPEEK_LIMITS: limits }, { open: endless(most, () => reached++) }, async (h, image) => {
        let ticks = 0;
        const clock = setInterval(() => {
          ticks += 1;
        }, 1);
        const leave = new AbortController();
        const asked = h.get(`${image}${path}`, { accept }, "GET", { signal: leave.signal });
        // Whoever takes all at once is no reason to wait.
        const taken = asked.then((answer) => answer.arrayBuffer()).catch(() => {});
        try {
          // Another request, in the middle of it.
          while (reached === 0) await new Promise((resolve) => setImmediate(resolve));
          assert.equal((await h.get("/healthz")).status, 200);
          assert.ok(reached < most / 4, `${reached} entries before the other was answered`);
          // What a time limit does, too.
          leave.abort();
          const before = reached;
          await taken;
          await h.idle();
          assert.ok(reached - before < most / 4, `${reached - before} entries more`);
          assert.ok(ticks > 0, "timers fire meanwhile");
          assert.equal(h.logs().find((record) => record.kind === "tree")?.code, "ABORTED");
        } finally {
          clearInterval(clock);
        }
      });
    });
  }

  test("a subtree that breaks off says so in its last line", () =>
    using({ OCIPEEK_LIMITS: { maxEntries: 2000 } }, {}, async (h, image) => {
      const response = await h.get(`${image}/?recursive`);
      assert.equal(response.status, 200);
      const text = await response.text();
      const all = text.trimEnd().split("\n");
      assert.ok(all.length > 1000 && all.length <= 2001);
      const { error } = JSON.parse(all.at(-1) ?? "");
      assert.deepEqual([error.code, error.status], ["LIMIT_EXCEEDED", 413]);
      await h.idle();
      assert.equal(h.logs().at(-1)?.code, "LIMIT_EXCEEDED");
    }));

  test("a caller that leaves a subtree breaks nothing", () =>
    using({}, {}, async (h, image) => {
      const response = await h.get(`${image}/?recursive`);
      const reader = response.body?.getReader();
      assert.ok((await reader?.read())?.value?.length);
      // An exception in a listener would end the process, and this test with it.
      await reader?.cancel();
      await h.idle();
      assert.equal(h.logs().at(-1)?.code, "ABORTED");
      assert.equal((await h.get(`${image}/etc/hostname`)).status, 200);
    }));

  test("limits of the library, by their names", () =>
    using({ OCIPEEK_LIBRARY_LIMITS: { maxZtocSize: 1000 } }, {}, async (h, image) => {
      await assertError(await h.get(`${image}/etc/hostname`), 413, "LIMIT_EXCEEDED", /max_?[zZ]toc_?[sS]ize/);
    }));

  test("time until the head", async () => {
    let stopped = 0;
    const never: Fetch = (_url, init) =>
      new Promise((_, reject) => {
        init.signal.addEventListener("abort", () => {
          stopped += 1;
          reject(init.signal.reason);
        });
      });
    await using({ OCIPEEK_LIMITS: { maxSecondsToHead: 1 } }, { fetch: never }, async (h, image) => {
      await assertError(await h.get(`${image}/etc/hostname`), 504, "TIMEOUT", /1 seconds/);
      assert.equal(stopped, 1);
    });
  });

  test("time for all, also while the caller takes nothing", () =>
    using({ OCIPEEK_LIMITS: { maxSeconds: 1 } }, {}, async (h, image) => {
      const response = await h.get(`${image}/${BUNDLE}`);
      assert.equal(response.status, 200);
      await h.idle();
      assert.equal(h.logs().at(-1)?.code, "TIMEOUT");
      await assert.rejects(response.arrayBuffer(), { code: "TIMEOUT" });
    }));

  test("a caller that leaves stops what runs", async () => {
    const leave = new AbortController();
    const slow: Fetch = (url, init) => {
      leave.abort();
      return plainFetch(url, init);
    };
    await using({}, { fetch: slow }, async (h, image) => {
      await h.get(`${image}/etc/hostname`, {}, "GET", { signal: leave.signal });
      const record = h.logs().at(-1);
      assert.deepEqual([record?.code, record?.level], ["ABORTED", "info"]);
      assert.ok(h.requests().length <= 1);
    });
  });
});

describe("what registries answer", () => {
  const answers = (status: number, headers: Record<string, string> = {}): Fetch => {
    return async () => new Response("{}", { status, headers });
  };
  const cases: [number, number, string, Record<string, string>?][] = [
    [401, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="x"' }],
    [403, 403, "FORBIDDEN"],
    [404, 404, "NOT_FOUND"],
    [429, 429, "RATE_LIMITED", { "retry-after": "77" }],
    [500, 502, "NETWORK"],
    [503, 502, "NETWORK"],
    [504, 504, "NETWORK"],
    [418, 502, "NETWORK"],
  ];
  for (const [theirs, ours, code, headers] of cases) {
    test(`${theirs} is ${ours} ${code}`, () =>
      using(
        { OCIPEEK_LIBRARY_LIMITS: { maxAttempts: 1 } },
        { fetch: answers(theirs, headers) },
        async (h, image) => {
          const response = await h.get(`${image}/etc/hostname`);
          await assertError(response, ours, code);
          assert.equal(response.headers.get("retry-after"), theirs === 429 ? "77" : null);
          // Nobody's browser asks for a password that is not passed on.
          const challenge = response.headers.get("www-authenticate");
          assert.equal(challenge, theirs === 401 ? 'Operator realm="registry"' : null);
        },
      ));
  }

  test("nothing at all", () =>
    using(
      { OCIPEEK_LIBRARY_LIMITS: { maxAttempts: 1 } },
      { fetch: () => Promise.reject(new TypeError("connection refused")) },
      async (h, image) => assertError(await h.get(`${image}/etc/hostname`), 502, "NETWORK"),
    ));

  test("other bytes than the digest's", () =>
    using(
      { OCIPEEK_LIBRARY_LIMITS: { maxAttempts: 1 } },
      {
        fetch: async (url, init) => {
          const response = await plainFetch(url, init);
          if (!/\/blobs\//.test(url)) return response;
          const bytes = new Uint8Array(await new Response(response.body as ReadableStream).arrayBuffer());
          bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
          const { status, headers } = response;
          return new Response(bytes, { status, headers: headers as Headers });
        },
      },
      async (h, image) => assertError(await h.get(`${image}/etc/hostname`), 502, "DIGEST_MISMATCH"),
    ));

  test("a failure in the middle of a body breaks it off", async () => {
    let ranges = 0;
    const failing: Fetch = async (url, init) => {
      if (init.headers.range ?? init.headers.Range) {
        ranges += 1;
        if (ranges > 1) throw new TypeError("connection reset");
      }
      return plainFetch(url, init);
    };
    const env = { OCIPEEK_LIBRARY_LIMITS: { maxAttempts: 1, maxRangeRequest: 65_536, spanCacheSize: 0 } };
    await using(env, { fetch: failing }, async (h, image) => {
      const response = await h.get(`${image}/${BUNDLE}`);
      assert.equal(response.status, 200);
      await assert.rejects(response.arrayBuffer(), { code: "NETWORK" });
      await h.idle();
      assert.equal(h.logs().at(-1)?.code, "NETWORK");
    });
  });
});

describe("refusals", () => {
  test("a registry that the list has not is not asked", () =>
    using(
      {},
      {
        checkAllowed: (registry) => {
          throw new HttpError("REGISTRY_NOT_ALLOWED", `${registry} is not in the list`);
        },
      },
      async (h, image) => {
        await assertError(await h.get(`${image}/etc/hostname`), 403, "REGISTRY_NOT_ALLOWED");
        await assertError(await h.get(`${h.image}/`), 403, "REGISTRY_NOT_ALLOWED");
        assert.deepEqual(h.requests(), []);
      },
    ));

  test("what the guard refuses is told by its name, and not tried again", async () => {
    let tries = 0;
    const refusing: Fetch = async () => {
      tries += 1;
      throw new HttpError("HOST_NOT_ALLOWED", "a redirect leads to a private address");
    };
    await using({}, { fetch: refusing }, async (h, image) => {
      await assertError(await h.get(`${image}/etc/hostname`), 502, "HOST_NOT_ALLOWED", /private address/);
      assert.equal(tries, 1);
    });
  });

  test("what nobody foresaw says nothing of itself", () =>
    using(
      {},
      {
        open: (() => {
          throw new TypeError("password=hunter2");
        }) as unknown as typeof open,
      },
      async (h, image) => {
        const response = await h.get(`${image}/etc/hostname`);
        assert.equal(response.status, 500);
        assert.doesNotMatch(await response.text(), /hunter2/);
        const record = h.logs().at(-1);
        assert.deepEqual([record?.level, record?.code], ["error", "INTERNAL"]);
      },
    ));

  test("a proxy that fails is answered for", () =>
    using(
      {},
      {
        proxy: async () => {
          throw new HttpError("REGISTRY_NOT_ALLOWED", "no");
        },
      },
      async (h) => assertError(await h.get("/-/v2/ghcr.io/o/a/tags/list"), 403, "REGISTRY_NOT_ALLOWED"),
    ));
});

describe("the proxy", () => {
  test("gets target and scope; its body is streamed and counted", async () => {
    await using(
      {},
      {
        proxy: async (_request, target, scope) => {
          assert.match(scope.id, /./);
          assert.equal(scope.authorization, undefined);
          const response = await scope.fetch(`http://${target.registry}/v2/${target.rest}`, {
            method: "GET",
            headers: {},
            redirect: "manual",
            signal: scope.signal,
          });
          return new Response(response.body as ReadableStream, { headers: { "x-theirs": "1" } });
        },
      },
      async (h) => {
        const response = await h.get(`/-/v2/${h.host}/demo/tags/list`);
        assert.equal(response.headers.get("x-theirs"), "1");
        assert.match(response.headers.get("x-request-id") ?? "", /./);
        const body = await response.text();
        assert.ok((JSON.parse(body) as { tags: string[] }).tags.includes("latest"));
        await h.idle();
        const record = h.logs().at(-1);
        assert.deepEqual(
          [record?.kind, record?.registry, record?.sent, record?.bytes, record?.requests],
          ["proxy", h.host, body.length, body.length, 1],
        );
      },
    );
  });
});
