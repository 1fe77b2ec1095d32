// What the page asks for: exactly so much for the demo and one file, nearly nothing at a second visit; by the worker where
// the registry answers no pages; and a word where there is neither.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { startPage } from "../lib/page.mjs";
import { layout } from "../lib/variants.mjs";
import { startCounter } from "../lib/worker.mjs";

const TAG = "latest-soci";
const PATH = "/etc/services";
/** The span that holds it: bytes of layer 2. */
const SPAN = "bytes=0-3070";

/** What opening the tag and reading the file must ask for, and how many bytes each answer has. */
function expectedRequests() {
  const index = layout.manifests.get(layout.tags.get(TAG));
  const [image, soci] = index.json.manifests.map((it) => layout.manifests.get(it.digest));
  const url = (kind, digest) => `GET /v2/${REPOSITORY}/${kind}/${digest}`;
  const { layers } = image.json;
  return [
    [url("manifests", TAG), index.bytes.length],
    [url("manifests", image.digest), image.bytes.length],
    [url("manifests", soci.digest), soci.bytes.length],
    ...soci.json.layers.map((it) => [url("blobs", it.digest), it.size]),
    [`${url("blobs", layers[2].digest)} ${SPAN}`, 3071],
  ];
}

describe("what the page asks for", () => {
  let demo;
  let counter;
  let closed;
  let parts;
  before(async () => {
    demo = await startDemoRegistry();
    counter = await startCounter(demo.host);
    closed = await serveLayout({ dir: DEMO, repository: REPOSITORY, cors: false });
    const vars = { OCIPEEK_INSECURE_REGISTRIES: [counter.host, closed.host] };
    parts = await startPage({ registry: { host: counter.host }, vars });
  });
  after(async () => {
    await parts?.stop();
    await closed?.close();
    await counter?.stop();
    await demo?.stop();
  });

  /** Shows the file of an image; gives the text of its first line. */
  const show = async (url, host, name = `:${TAG}`) => {
    const { page } = parts;
    await page.goto("about:blank");
    await page.goto(`${url}#/${host}/${REPOSITORY}${name}/-${PATH}`);
    await page.getByText("svc-001 1001/tcp").waitFor();
    await page.getByRole("treeitem", { name: /^services\b/ }).waitFor();
  };

  /** Waits until so many entries are on the disk. */
  const stored = (count) =>
    parts.page.evaluate(async (count) => {
      const cache = await caches.open("ocipeek");
      const entries = async () => (await cache.keys()).filter((it) => it.url.includes("/entry/")).length;
      while ((await entries()) < count) await new Promise((resolve) => setTimeout(resolve, 20));
      return entries();
    }, count);

  test("opening the demo and showing one file: each request and each byte", async () => {
    const expected = expectedRequests();
    await show(parts.url, counter.host);
    assert.deepEqual(counter.requests().sort(), expected.map(([request]) => request).sort());
    // What the page says of itself is the same.
    await parts.page.getByRole("button", { name: /fetched/ }).click();
    const log = parts.page.getByRole("region", { name: "List of requests" });
    const cells = log.locator("tbody td:last-child");
    // The list is asked for when it is opened.
    await cells.nth(expected.length - 1).waitFor();
    const numbers = await cells.allTextContents();
    const bytes = numbers.map((it) => Number(it.replaceAll(",", "")));
    const total = expected.reduce((sum, [, size]) => sum + Number(size), 0);
    assert.equal(bytes.length, expected.length);
    assert.equal(
      bytes.reduce((a, b) => a + b, 0),
      total,
    );
    // All but the range, which is kept as the span that it is.
    assert.equal(await stored(expected.length), expected.length);
    assert.deepEqual(parts.messages, []);
  });

  test("a second visit asks what the tag names, and for no blob", async () => {
    await show(parts.url, counter.host);
    assert.deepEqual(counter.requests(), [`GET /v2/${REPOSITORY}/manifests/${TAG}`]);
  });

  test("one by digest asks for nothing", async () => {
    await show(parts.url, counter.host, `@${layout.tags.get(TAG)}`);
    assert.deepEqual(counter.requests(), []);
  });

  test("a registry that answers no pages is read through the worker, and not tried again", async () => {
    const direct = [];
    const listen = (request) => {
      const { host, pathname } = new URL(request.url());
      if (host === closed.host) direct.push(pathname);
    };
    parts.page.on("request", listen);
    // Nothing of the first tests is left.
    await parts.page.evaluate(async () => {
      for (const name of await caches.keys()) await caches.delete(name);
    });
    await show(parts.url, closed.host);
    assert.equal(direct.filter((path) => path.includes("/manifests/")).length, 1, direct.join());
    assert.equal(direct.filter((path) => path.includes("/blobs/")).length, 1, direct.join());
    assert.equal(await stored(expectedRequests().length), expectedRequests().length);
    direct.length = 0;
    await show(parts.url, closed.host);
    assert.deepEqual(direct, []);
    parts.page.off("request", listen);
  });

  test("without the worker the page says that the registry answers no pages", async () => {
    const plain = await startPage({ registry: { host: closed.host }, static: "/some/folder/" });
    try {
      await plain.page.goto(`${plain.url}#/${closed.host}/${REPOSITORY}:${TAG}/-${PATH}`);
      await plain.page.getByRole("alert").waitFor();
      assert.match(await plain.page.getByRole("alert").textContent(), /CORS/);
      // A registry that answers pages is read all the same.
      await plain.page.goto(`${plain.url}#/${counter.host}/${REPOSITORY}:${TAG}/-${PATH}`);
      await plain.page.getByText("svc-001 1001/tcp").waitFor();
    } finally {
      await plain.stop();
    }
  });
});
