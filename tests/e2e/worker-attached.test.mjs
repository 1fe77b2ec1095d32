// An index that is merely attached to its image, through the worker in workerd and as a plain server: exact headers.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { DEMO, REPOSITORY } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { RUNTIMES, startServe } from "../lib/serve.mjs";
import { IMAGE, v1Indexes } from "../lib/variants.mjs";
import { startBundle } from "../lib/worker.mjs";

const FILE = "usr/lib/os-release";
const expected = merged().find(({ path }) => path === FILE).sha256;

/** Each as it starts, without agreeing to attached indexes and with. */
const SERVERS = {
  workerd: (host, attached) =>
    startBundle({
      OCIPEEK_INSECURE_REGISTRIES: host,
      ...(attached ? { OCIPEEK_ATTACHED_INDEX: "true" } : {}),
    }),
  "ocipeek serve": (host, attached) =>
    startServe(RUNTIMES.node, ["--insecure-registry", host, ...(attached ? ["--attached-index"] : [])]),
};

for (const [name, start] of Object.entries(SERVERS)) {
  describe(`an image to which somebody attached an index, through ${name}`, () => {
    let registry;
    let strict;
    let lenient;
    let asked = [];
    before(async () => {
      registry = await serveLayout({
        dir: DEMO,
        repository: REPOSITORY,
        onRequest: ({ url }) => asked.push(url),
      });
      strict = await start(registry.host, false);
      lenient = await start(registry.host, true);
    });
    after(async () => {
      await strict?.stop();
      await lenient?.stop();
      await registry?.close();
    });

    const get = async (server, path) => {
      asked = [];
      const answer = await fetch(`${server.url}/${registry.host}/${REPOSITORY}@${IMAGE}/${path}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(answer.status, 200, bytes.toString().slice(0, 300));
      return { bytes, header: (of) => answer.headers.get(of) };
    };
    const isAttached = (url) =>
      /\/referrers\/|\/manifests\/sha256-/.test(url) || v1Indexes.some((it) => url.endsWith(it));

    test("by default the layers alone are read, and for ever", async () => {
      const { bytes, header } = await get(strict, `-/${FILE}`);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), expected);
      assert.equal(
        header("x-ocipeek-verified"),
        "manifest=digest, metadata=layer-digest, content=layer-digest",
      );
      assert.equal(header("cache-control"), "public, max-age=31536000, immutable, no-transform");
      assert.deepEqual(asked.filter(isAttached), []);
    });

    test("agreed to, it is told, and a URL with a digest is not immutable", async () => {
      const own = await get(strict, `-/${FILE}`);
      const { bytes, header } = await get(lenient, `-/${FILE}`);
      assert.ok(asked.some((url) => v1Indexes.some((it) => url.endsWith(it))));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), expected);
      assert.equal(
        header("x-ocipeek-verified"),
        "manifest=digest, metadata=ztoc-digest, index=attached, content=span-digest, header",
      );
      assert.equal(header("x-ocipeek-reader"), "soci");
      assert.equal(header("cache-control"), "public, max-age=60, no-transform");
      assert.notEqual(header("etag"), own.header("etag"));
      for (const path of ["-/usr/lib/", "-/usr/lib/?recursive", "-/usr/lib/?tar", ""]) {
        const answer = await get(lenient, path);
        assert.equal(answer.header("cache-control"), "public, max-age=60", path);
        assert.notEqual(answer.header("etag"), (await get(strict, path)).header("etag"), path);
      }
      const { soci, discovery } = JSON.parse((await get(lenient, "")).bytes.toString());
      assert.deepEqual([soci.verified, discovery.found], ["attached", v1Indexes]);
    });
  });
}
