// Open images: shared, stopped, closed to save memory and opened again; and the cache behind them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { BoundedMemory } from "../../www/src/engine/cache/memory.ts";
import type { ImageSource } from "../../www/src/protocol/api.ts";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { call, engineOn, STATIC } from "../lib/page/engine-parts.ts";

const PLATFORM = "linux/amd64";
const TAGS = ["latest-soci", "latest-soci-4m", "latest-soci-head", "latest"];

describe("open images", () => {
  let registry: Awaited<ReturnType<typeof serveLayout>>;
  before(async () => {
    registry = await serveLayout({ dir: DEMO, repository: REPOSITORY });
  });
  after(() => registry.close());

  const at = (tag: string): ImageSource => ({
    kind: "registry",
    reference: `${registry.host}/${REPOSITORY}:${tag}`,
  });
  const start = (options: Parameters<typeof engineOn>[1] = {}) => {
    const parts = engineOn({ registry: registry.host }, options);
    parts.engine.configure(call(), STATIC);
    return parts;
  };

  test("two that ask for the same image share its opening and its id", async () => {
    const { engine, sent } = start();
    const alone = start();
    await alone.engine.open(call(), at("latest-soci"), PLATFORM);
    const [one, two] = await Promise.all([
      engine.open(call(), at("latest-soci"), PLATFORM),
      engine.open(call(), at("latest-soci"), PLATFORM),
    ]);
    assert.equal(one.id, two.id);
    // Whether a registry on this machine speaks TLS is asked once.
    const apart = alone.sent.filter(({ path }) => path !== "/v2/");
    assert.equal(alone.sent.length, apart.length + 1);
    assert.deepEqual(sent, apart);
    assert.equal((await engine.open(call(), at("latest-soci"), PLATFORM)).id, one.id);
  });

  test("one of them may leave; the last one stops it", async () => {
    const { engine } = start();
    const [first, second] = [new AbortController(), new AbortController()];
    const opened = [first, second].map((it) =>
      Promise.resolve(engine.open(call(it.signal), at("latest-soci"), PLATFORM)),
    );
    first.abort();
    await assert.rejects(async () => opened[0], { code: "ABORTED" });
    const { digest } = (await opened[1]) ?? {};
    assert.match(digest ?? "", /^sha256:/);

    const other = start();
    const stop = new AbortController();
    const stopped = Promise.resolve(other.engine.open(call(stop.signal), at("latest"), PLATFORM));
    stop.abort();
    await assert.rejects(async () => stopped, { code: "ABORTED" });
    assert.match((await other.engine.open(call(), at("latest"), PLATFORM)).digest, /^sha256:/);
  });

  test("what was not used for long is closed, and its id still works", async () => {
    const { engine, sent } = start();
    const first = await engine.open(call(), at("latest-soci"), PLATFORM);
    const before = await engine.read(call(), { image: first.id, path: "/etc/services" });
    const spent = await engine.cost(call(), first.id, false);
    for (const platform of [PLATFORM, undefined]) {
      for (const tag of TAGS.slice(1)) await engine.open(call(), at(tag), platform);
    }
    // Closed by now; what it cost is still known.
    assert.deepEqual(await engine.cost(call(), first.id, false), spent);
    assert.equal((await engine.image(call(), first.id)).digest, first.digest);
    const from = sent.length;
    const again = await engine.read(call(), { image: first.id, path: "/etc/services" });
    assert.deepEqual(again.data, before.data);
    // By its digest, and out of the cache.
    assert.deepEqual(sent.slice(from), []);
    const cost = await engine.cost(call(), first.id, true);
    assert.equal(cost.requests, spent.requests);
    assert.ok(cost.cacheHits > spent.cacheHits);
    assert.equal(cost.log?.length, spent.requests);
  });

  test("a second visit asks for the tag alone, by a digest for nothing", async () => {
    const cache = new BoundedMemory();
    const visit = async (source: ImageSource) => {
      const { engine, sent } = start({ cache });
      const { id, indexDigest, digest } = await engine.open(call(), source, PLATFORM);
      const { count } = await engine.catalogue(call(), { image: id });
      await engine.read(call(), { image: id, path: "/etc/services" });
      return { count, sent: sent.map((it) => it.path), pinned: indexDigest ?? digest };
    };
    const first = await visit(at("latest-soci"));
    assert.ok(first.sent.some((path) => path.includes("/blobs/")));
    const second = await visit(at("latest-soci"));
    assert.deepEqual(second.sent, [`/v2/${REPOSITORY}/manifests/latest-soci`]);
    assert.equal(second.count, first.count);
    const reference = `${registry.host}/${REPOSITORY}@${first.pinned}`;
    assert.deepEqual((await visit({ kind: "registry", reference })).sent, []);
  });

  test("what private images hold is not written to the disk", async () => {
    const cache = new BoundedMemory();
    const { engine } = start({ cache });
    await engine.signIn(call(), registry.host, { username: "me", password: "x" });
    await engine.open(call(), at("latest-soci"), PLATFORM);
    assert.equal((await engine.cacheState(call())).entries, 0);
    await engine.signIn(call(), registry.host, undefined);
    await engine.open(call(), at("latest-soci"), PLATFORM);
    assert.ok((await engine.cacheState(call())).entries > 0);
    assert.deepEqual(await engine.clearCache(call()), {
      kind: "memory",
      entries: 0,
      bytes: 0,
      maxBytes: 64 << 20,
    });
  });

  test("a walk lets other calls in, and stops", async () => {
    const { engine } = start();
    const { id } = await engine.open(call(), at("latest-soci"), PLATFORM);
    const stop = new AbortController();
    const walk = Promise.resolve(engine.catalogue(call(stop.signal), { image: id }));
    stop.abort();
    await assert.rejects(async () => walk, { code: "ABORTED" });
  });
});
