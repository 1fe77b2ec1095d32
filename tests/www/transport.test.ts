// Ways to a registry: itself where pages may ask it, else the host of the page; and what failures are called.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import type { EngineError, ImageSource } from "../../www/src/protocol/api.ts";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { call, engineOn, type Network, SITE, STATIC } from "../lib/page/engine-parts.ts";

const PLATFORM = "linux/amd64";
const PATH = "/etc/services";

describe("ways to a registry", () => {
  let registry: Awaited<ReturnType<typeof serveLayout>>;
  let source: ImageSource;
  before(async () => {
    registry = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    source = { kind: "registry", reference: `${registry.host}/${REPOSITORY}:latest-soci` };
  });
  after(() => registry.close());

  const on = (network: Omit<Network, "registry">, options?: Parameters<typeof engineOn>[1]) =>
    engineOn({ registry: registry.host, ...network }, options);

  /** Opens the demo and reads a file, which must be the fixture's. */
  const readIn = async (engine: ReturnType<typeof engineOn>["engine"]) => {
    const { id } = await engine.open(call(), source, PLATFORM);
    const { data } = await engine.read(call(), { image: id, path: PATH });
    const expected = merged().find((line) => line.path === PATH.slice(1));
    assert.equal(createHash("sha256").update(data).digest("hex"), expected.sha256);
    return engine.image(call(), id);
  };

  test("a registry that answers pages is asked itself", async () => {
    const { engine, sent } = on({ cors: "all" });
    engine.configure(call(), SITE);
    assert.equal((await readIn(engine)).route, "direct");
    assert.deepEqual(new Set(sent.map((it) => it.way)), new Set(["direct"]));
  });

  test("on this machine https goes first, unless the host of the page asks", async () => {
    const { host, close } = await serveLayout({ dir: DEMO, repository: REPOSITORY });
    const roots = (sent: { path: string }[]) => sent.filter(({ path }) => path === "/v2/").length;
    try {
      const reference = `${host}/${REPOSITORY}:latest-soci`;
      const read = async (options: Parameters<typeof engineOn>[0]) => {
        const { engine, sent } = engineOn(options);
        engine.configure(call(), options.proxy ? SITE : STATIC);
        const { id } = await engine.open(call(), { kind: "registry", reference }, PLATFORM);
        await engine.read(call(), { image: id, path: PATH });
        return { sent, route: (await engine.image(call(), id)).route };
      };
      const proxied = await read({ registry: host, cors: "none", proxy: () => undefined });
      assert.deepEqual([proxied.route, roots(proxied.sent)], ["proxy", 0]);
      // Speaks TLS, and nothing without.
      const asked: string[] = [];
      const direct = (request: Request) => {
        const url = new URL(request.url);
        asked.push(url.protocol);
        if (url.protocol === "http:") throw new TypeError("Failed to fetch");
        url.protocol = "http:";
        return fetch(url, { headers: request.headers }) as unknown as Response;
      };
      const other = `localhost:${host.split(":")[1]}`;
      const { engine, sent } = engineOn({ registry: other, direct });
      engine.configure(call(), STATIC);
      const at = { kind: "registry", reference: reference.replace(host, other) } as const;
      const { id } = await engine.open(call(), at, PLATFORM);
      await engine.read(call(), { image: id, path: PATH });
      assert.equal((await engine.image(call(), id)).route, "direct");
      assert.deepEqual([[...new Set(asked)], roots(sent)], [["https:"], 1]);
    } finally {
      await close();
    }
  });

  test("one that does not is asked by the proxy, after one try", async () => {
    const { engine, sent } = on({ cors: "none" });
    engine.configure(call(), SITE);
    assert.equal((await readIn(engine)).route, "proxy");
    const direct = sent.filter((it) => it.way === "direct").map((it) => it.path);
    assert.equal(direct.filter((path) => !path.includes("/blobs/")).length, 1, direct.join());
    assert.equal(direct.filter((path) => path.includes("/blobs/")).length, 1, direct.join());
  });

  test("where only blobs are elsewhere, only they come by the proxy", async () => {
    const { engine, sent } = on({ cors: "no-blobs" });
    engine.configure(call(), SITE);
    assert.equal((await readIn(engine)).route, "proxy");
    const by = (way: string) => sent.filter((it) => it.way === way).map((it) => it.path);
    assert.ok(by("proxy").length > 0 && by("proxy").every((path) => path.includes("/blobs/")));
    assert.equal(by("direct").filter((path) => path.includes("/blobs/")).length, 1);
  });

  test("what needed the proxy is not tried again at the next visit", async () => {
    const routes = {};
    const first = on({ cors: "none" }, { routes });
    first.engine.configure(call(), SITE);
    await readIn(first.engine);
    assert.deepEqual(Object.keys(routes).sort(), [`${registry.host} api`, `${registry.host} blobs`]);
    const second = on({ cors: "none" }, { routes });
    second.engine.configure(call(), SITE);
    await readIn(second.engine);
    assert.deepEqual(new Set(second.sent.map((it) => it.way)), new Set(["proxy"]));
    // A host without a proxy must try in any case.
    const third = on({ cors: "all" }, { routes });
    third.engine.configure(call(), STATIC);
    await readIn(third.engine);
    assert.deepEqual(new Set(third.sent.map((it) => it.way)), new Set(["direct"]));
  });

  const failure = async (network: Omit<Network, "registry">, site = SITE) => {
    const { engine, sent } = on(network);
    engine.configure(call(), site);
    const from = performance.now();
    const error = await Promise.resolve(engine.open(call(), source, PLATFORM)).then(
      () => assert.fail("it opened"),
      (thrown) => thrown as EngineError,
    );
    return { error, sent, ms: performance.now() - from };
  };

  test("no answer for pages and no proxy is CORS, said at once", async () => {
    const { error, sent, ms } = await failure({ cors: "none" }, STATIC);
    assert.equal(error.code, "CORS");
    assert.match(error.message, /does not answer pages of other origins/);
    assert.deepEqual(
      sent.map((it) => it.way),
      ["direct", "probe"],
    );
    assert.ok(ms < 500, `${ms} ms`);
  });

  test("no network is OFFLINE, said at once", async () => {
    for (const site of [SITE, STATIC]) {
      const { error, ms } = await failure({ online: false }, site);
      assert.equal(error.code, "OFFLINE");
      assert.ok(ms < 500, `${ms} ms`);
    }
  });

  test("a registry that is not there is NETWORK", async () => {
    const { error } = await failure({ down: true }, STATIC);
    assert.equal(error.code, "NETWORK");
  });

  const workerError = (code: string, status: number, headers = {}) => {
    const body = JSON.stringify({ error: { code, message: `the proxy says ${code}`, status } });
    return () =>
      new Response(body, {
        status,
        headers: { "content-type": "application/json", "x-ocipeek-error": code, ...headers },
      });
  };

  test("what the proxy refuses keeps its code", async () => {
    const cases: [code: string, status: number][] = [
      ["REGISTRY_NOT_ALLOWED", 403],
      ["HOST_NOT_ALLOWED", 502],
      ["LIMIT_EXCEEDED", 413],
      ["DIGEST_MISMATCH", 502],
    ];
    for (const [code, status] of cases) {
      const { error, ms } = await failure({ cors: "none", proxy: workerError(code, status) });
      assert.equal(error.code, code);
      assert.match(error.message, new RegExp(`the proxy says ${code}`));
      assert.ok(ms < 500, `${code}: ${ms} ms`);
    }
  });

  test("401 is UNAUTHORIZED, 404 is NOT_FOUND with the registry's words", async () => {
    const private_ = await failure({ cors: "none", proxy: workerError("UNAUTHORIZED", 401) });
    assert.equal(private_.error.code, "UNAUTHORIZED");
    const body = JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "no such manifest" }] });
    const unknown = () =>
      new Response(body, { status: 404, headers: { "content-type": "application/json" } });
    const missing = await failure({ cors: "none", proxy: unknown });
    assert.equal(missing.error.code, "NOT_FOUND");
    assert.match(missing.error.message, /no such manifest/);
  });

  test("429 is RATE_LIMITED with the time to wait, without waiting", async () => {
    const { error, ms } = await failure({
      cors: "none",
      proxy: workerError("RATE_LIMITED", 429, { "retry-after": "17" }),
    });
    assert.equal(error.code, "RATE_LIMITED");
    assert.equal(error.failure?.retryAfter, 17);
    assert.ok(ms < 1000, `${ms} ms`);
  });

  test("a user's credentials go to the proxy only if it hands them on", async () => {
    const credentials = { username: "me", password: "geheim€" };
    const basic = `Basic ${Buffer.from("me:geheim€").toString("base64")}`;
    const to = async (site: typeof SITE) => {
      const { engine, sent } = on({ cors: "none" });
      engine.configure(call(), site);
      await engine.signIn(call(), registry.host, credentials);
      await readIn(engine);
      return new Set(sent.map((it) => `${it.way} ${it.authorization}`));
    };
    assert.deepEqual(
      await to({ ...SITE, passAuthorization: true }),
      new Set(["direct null", `proxy ${basic}`]),
    );
    assert.deepEqual(await to(SITE), new Set(["direct null", "proxy null"]));
    const plain = on({ cors: "none" });
    // Somebody could read them on the way.
    plain.engine.configure(call(), { ...SITE, passAuthorization: true, base: "http://page.test/" });
    await plain.engine.signIn(call(), registry.host, credentials);
    await assert.rejects(async () => plain.engine.open(call(), source, PLATFORM));
    assert.deepEqual(new Set(plain.sent.map((it) => it.authorization)), new Set([null]));
  });

  test("where they are needed and do not get there, the error says so", async () => {
    const { engine } = on({ cors: "none", proxy: workerError("UNAUTHORIZED", 401) });
    engine.configure(call(), SITE);
    await engine.signIn(call(), registry.host, { username: "me", password: "x" });
    await assert.rejects(async () => engine.open(call(), source, PLATFORM), {
      code: "UNAUTHORIZED",
      message: /does not pass credentials on/,
    });
  });

  test("a registry whose way in pages cannot see or reach is asked by the proxy", async () => {
    const challenge = `Bearer realm="http://${registry.host}/token",service="x"`;
    const ways: Record<string, string>[] = [{ "www-authenticate": challenge }, {}];
    for (const headers of ways) {
      const { engine, sent } = on({
        direct: ({ url }) => {
          if (url.includes("/token")) throw new TypeError("Failed to fetch");
          return new Response("", { status: 401, headers });
        },
      });
      engine.configure(call(), SITE);
      assert.equal((await readIn(engine)).route, "proxy");
      // What stands in for a token goes nowhere.
      assert.deepEqual(new Set(sent.map((it) => it.authorization)), new Set([null]));
      assert.ok(sent.filter((it) => it.way === "direct").length <= 3, JSON.stringify(sent));
    }
  });

  test("tags are listed by either way", async () => {
    for (const cors of ["all", "none"] as const) {
      const { engine } = on({ cors });
      engine.configure(call(), SITE);
      const tags = await engine.tags(call(), `${registry.host}/${REPOSITORY}@sha256:${"0".repeat(64)}`);
      assert.ok(tags.includes("latest") && tags.includes("latest-soci-4m"), tags.join());
    }
    const { engine } = on({ cors: "none" });
    engine.configure(call(), STATIC);
    await assert.rejects(async () => engine.tags(call(), `${registry.host}/${REPOSITORY}`), { code: "CORS" });
    await assert.rejects(async () => engine.tags(call(), "Not A Reference"), { code: "INVALID_REFERENCE" });
  });
});
