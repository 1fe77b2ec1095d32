// An image without an index in the page: it is indexed before it is listed, with progress, pause and cancel; what is in the
// layer is seen as it comes; the next visit is lazy.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { violations } from "../lib/axe.mjs";
import { startPage } from "../lib/page.mjs";
import { startPlainRegistry } from "../lib/plain-registry.mjs";

const LAST = "the last file of latest";

describe("an image without an index", () => {
  let registry;
  let parts;
  /** @type {import("playwright-core").Page} */
  let page;
  before(async () => {
    // Over what is fetched whole without a question.
    registry = await startPlainRegistry({ files: 40, size: 1 << 20 });
    parts = await startPage({ registry });
    page = parts.page;
    page.setDefaultTimeout(20_000);
  });
  afterEach(() => {
    registry.delay = 0;
    registry.damaged = false;
    registry.asked();
  });
  after(async () => {
    await parts?.stop();
    await registry?.stop();
  });

  const go = async (place) => {
    await page.goto("about:blank");
    await page.goto(`${parts.url}#/${registry.host}/${place}`);
  };
  const button = (name) => page.getByRole("button", { name, exact: true });
  const panel = () => page.getByRole("region", { name: /^Indexing layer 0/ });
  const facts = () => panel().locator(".indexing-facts").innerText();
  const isLazy = (line) => /^GET (layer|other) \d+-\d+$/.test(line) || line === "GET config";

  test("it is asked; cancel leads back; pause holds the stream; the listing grows meanwhile", async () => {
    registry.delay = 20;
    await go("plain:latest/-/");
    await page.getByRole("heading", { name: "This image has no index" }).waitFor();
    assert.deepEqual(await violations(page), []);
    await button("Index this layer").click();
    await panel().waitFor();
    await button("Cancel").click();
    await page.getByRole("heading", { name: "This image has no index" }).waitFor();

    await button("Index this layer").click();
    const tree = panel().getByRole("tree", { name: "Entries so far" });
    const folder = tree.getByRole("treeitem", { name: /^data\b/ });
    await folder.click();
    await tree.getByRole("treeitem", { name: /^file-000\b/ }).waitFor();
    const rows = () => tree.getByRole("treeitem").count();
    const few = await rows();
    await page.waitForFunction(
      (before) => document.querySelectorAll(".indexing-tree [role=treeitem]").length > before,
      few,
    );
    assert.match(
      await facts(),
      /^[\d.]+ [kM]B of 4\d\.\d MB, [\d.]+ [kM]B\/s, (\d+ min )?\d+ s left, \d+ entries$/,
    );
    assert.deepEqual(await violations(page), []);

    await button("Pause").click();
    await page.getByText(/, paused,/).waitFor();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = await facts();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await facts(), held);
    assert.equal(await page.getByRole("status").filter({ hasText: "Paused" }).count(), 1);

    await page.setViewportSize({ width: 360, height: 740 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    assert.deepEqual(await violations(page), []);
    await page.setViewportSize({ width: 1280, height: 800 });

    registry.delay = 0;
    await button("Resume").click();
    const list = page.getByRole("tree", { name: "Files" });
    await list.getByRole("treeitem", { name: /^etc\b/ }).waitFor();
    // Twice: the one that was cancelled, and the one that was not. Never again.
    assert.equal(registry.asked().filter((line) => line === "GET layer").length, 2);
    await go("plain:latest/-/etc/last");
    await page.getByText(LAST).waitFor();
    const asked = registry.asked();
    assert.ok(asked.every(isLazy), asked.join("\n"));
  });

  test("the next visit asks nothing and fetches no whole layer", async () => {
    await page.reload();
    await page.getByText(LAST).waitFor();
    await go("plain:latest/-/data/file-007");
    await page.getByRole("heading", { name: "file-007" }).first().waitFor();
    const asked = registry.asked();
    while (!asked.some((line) => line.startsWith("GET layer"))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      asked.push(...registry.asked());
    }
    assert.ok(asked.every(isLazy), asked.join("\n"));
    await go("plain:latest/-/?view=layers");
    await page.getByRole("navigation", { name: "Layers" }).getByText("own index").waitFor();
    await go(`plain:latest/-/?view=layers&layer=${registry.layer}`);
    await page.getByText(/By an index that this browser built/).waitFor();
    assert.equal(await button("Index this layer").count(), 0);
  });

  test("in the layers view: a layer that was fetched whole is indexed, too", async () => {
    await go("plain:other/-/?view=layers");
    const stack = page.getByRole("navigation", { name: "Layers" });
    await stack.getByText("whole").waitFor();
    await stack.getByRole("link").first().click();
    await page.getByText(/As a whole: to list or read/).waitFor();
    assert.deepEqual(await violations(page), []);
    await button("Index this layer").click();
    await page.getByText(/By an index that this browser built/).waitFor();
    await page.getByRole("treeitem", { name: /^etc\b/ }).waitFor();
    registry.asked();
    await go("plain:other/-/etc/last");
    await page.getByText("the last file of other").waitFor();
    const asked = registry.asked();
    assert.ok(asked.every(isLazy), asked.join("\n"));
  });

  test("a layer that does not have its digest is an error, and nothing is kept", async () => {
    await page.evaluate(() => caches.delete("ocipeek"));
    registry.damaged = true;
    await go("plain:latest/-/");
    await button("Index this layer").click();
    await page.getByText("DIGEST_MISMATCH").first().waitFor();
    registry.damaged = false;
    await page.reload();
    await page.getByRole("heading", { name: "This image has no index" }).waitFor();
  });
});
