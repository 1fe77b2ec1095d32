// What nobody but an attached index vouches for: only where the operator agrees, told as it is, and kept apart.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryCache } from "ocipeek";
import { IMAGE, layout, v1Indexes } from "../../tests/lib/variants.mjs";
import { type Harness, start } from "../../tests/lib/worker/harness.ts";

const FILE = "usr/lib/os-release";
const SEARCH = /\/referrers\/|\/manifests\/sha256-/;

/** Small layers are fetched whole too: the ones of the demo are to be read by an index where there is one. */
async function using(env: Record<string, unknown>, work: (h: Harness, pinned: string) => Promise<void>) {
  const h = await start(env);
  try {
    await work(h, `${h.image}@${IMAGE}/-/`);
  } finally {
    await h.close();
  }
}

const heads = async (h: Harness, path: string, accept = "application/json") => {
  const answer = await h.get(path, { accept });
  const body = await answer.text();
  assert.ok(answer.ok, body);
  return { headers: answer.headers, body };
};

describe("an image to which somebody attached an index", () => {
  test("is read by its layers alone, and nothing is looked for", () =>
    using({}, async (h, pinned) => {
      const { headers } = await heads(h, pinned + FILE);
      assert.equal(
        headers.get("x-ocipeek-verified"),
        "manifest=digest, metadata=layer-digest, content=layer-digest",
      );
      assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable, no-transform");
      const summary = JSON.parse((await heads(h, `${h.image}@${IMAGE}/`)).body);
      assert.deepEqual([summary.soci, summary.discovery], [null, undefined]);
      assert.deepEqual(
        h.requests().filter((line) => SEARCH.test(line) || v1Indexes.some((it: string) => line.endsWith(it))),
        [],
      );
    }));

  test("is read by it where the operator agrees: said in every answer, and never for ever", () =>
    using({ OCIPEEK_ATTACHED_INDEX: true }, async (h, pinned) => {
      const file = await heads(h, pinned + FILE);
      assert.equal(
        file.headers.get("x-ocipeek-verified"),
        "manifest=digest, metadata=ztoc-digest, index=attached, content=span-digest, header",
      );
      assert.equal(file.headers.get("cache-control"), "public, max-age=60, no-transform");
      const names = "manifest=digest, metadata=ztoc-digest, index=attached";
      for (const [path, accept] of [
        ["usr/lib/", "application/json"],
        ["usr/lib/", "text/html"],
        ["usr/lib/?recursive", "*/*"],
        ["usr/lib/?tar", "*/*"],
        ["usr/lib", "*/*"],
      ] as const) {
        const answer = await h.get(pinned + path, { accept }, "GET", { redirect: "manual" });
        await answer.arrayBuffer();
        assert.equal(answer.headers.get("cache-control"), "public, max-age=60", path);
        if (path !== "usr/lib") assert.equal(answer.headers.get("x-ocipeek-verified"), names, path);
      }
      const listing = JSON.parse((await heads(h, `${pinned}usr/lib/`)).body);
      assert.equal(listing.verified.index, "attached");
      const page = await heads(h, `${pinned}usr/lib/`, "text/html");
      assert.match(page.body, /index that is attached to the image.*word of whoever may write/);
      const summary = await heads(h, `${h.image}@${IMAGE}/`);
      assert.equal(summary.headers.get("cache-control"), "public, max-age=60");
      const { soci, layers, discovery } = JSON.parse(summary.body);
      assert.equal(soci.verified, "attached");
      assert.deepEqual(discovery.found, v1Indexes);
      for (const { read, ztoc } of layers) if (read === "ztoc") assert.equal(ztoc.verified, "attached");
      // Whatever its date, it may be another thing by now.
      const since = await h.get(pinned + FILE, { "if-modified-since": new Date().toUTCString() });
      assert.equal(since.status, 200);
      const same = await h.get(pinned + FILE, { "if-none-match": file.headers.get("etag") ?? "" });
      assert.equal(same.status, 304);
    }));

  test("has other tags than what its layers vouch for, also of the same bytes", async () => {
    const lenient = await start({ OCIPEEK_ATTACHED_INDEX: true });
    const strict = await start({ OCIPEEK_INSECURE_REGISTRIES: [lenient.host] });
    const tag = async (h: Harness, path: string) =>
      (await heads(h, `${lenient.image}@${IMAGE}/-/${path}`)).headers.get("etag");
    for (const path of [FILE, "usr/lib/", "usr/lib/?recursive", "usr/lib/?tar"]) {
      const attached = await tag(lenient, path);
      assert.match(attached ?? "", /^"[^"]+"$/);
      assert.notEqual(await tag(strict, path), attached, path);
      assert.equal(await tag(lenient, path), attached, path);
    }
    await strict.close();
    await lenient.close();
  });

  test("leaves nothing in a shared cache by which others would read it as verified", async () => {
    const cache = new MemoryCache({ maxBytes: 64 << 20 });
    const lenient = await start({ OCIPEEK_ATTACHED_INDEX: true }, { cache });
    const pinned = `${lenient.image}@${IMAGE}/-/${FILE}`;
    const attached = await heads(lenient, pinned);
    assert.match(attached.headers.get("x-ocipeek-verified") ?? "", /index=attached/);
    const strict = await start({ OCIPEEK_INSECURE_REGISTRIES: [lenient.host] }, { cache });
    const own = await heads(strict, pinned);
    assert.equal(
      own.headers.get("x-ocipeek-verified"),
      "manifest=digest, metadata=layer-digest, content=layer-digest",
    );
    assert.equal(own.body, attached.body);
    await strict.close();
    await lenient.close();
  });

  test("that names an index of its own is read by that one, and nothing is looked for", () =>
    using({ OCIPEEK_ATTACHED_INDEX: true }, async (h) => {
      const digest = layout.tags.get("latest-soci");
      const { headers } = await heads(h, `${h.image}@${digest}/-/${FILE}`);
      assert.match(headers.get("x-ocipeek-verified") ?? "", /, index=image, /);
      assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable, no-transform");
      assert.deepEqual(
        h.requests().filter((line) => SEARCH.test(line)),
        [],
      );
    }));
});
