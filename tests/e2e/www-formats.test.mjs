// Images in every lazy format in the page: which badge says how each is read, what vouches for it, and that contents are right;
// what has no digest for parts is read whole, or by ranges once the user has agreed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { violations } from "../lib/axe.mjs";
import { LARGE, MIXED, nameOf, paths, pushMixed, SHOWN, startFormatImages } from "../lib/format-images.mjs";
import { startPage } from "../lib/page.mjs";

/** A small file of the lower layer. */
const FILE = paths().find(({ path }) => path === "lib/libc.so.6");
const UNVERIFIED = "Read by ranges, unverified";

describe("images in lazy formats in the page", () => {
  let registry;
  let parts;
  /** @type {import("playwright-core").Page} */
  let page;
  before(async () => {
    registry = await startFormatImages({ large: true });
    await pushMixed(registry.host);
    parts = await startPage({ registry });
    page = parts.page;
    page.setDefaultTimeout(20_000);
  });
  after(async () => {
    await parts?.stop();
    await registry?.stop();
  });

  const go = async (place) => {
    await page.goto("about:blank");
    await page.goto(`${parts.url}#/${registry.host}/${place}`);
  };
  const button = (name) => page.getByRole("button", { name, exact: typeof name === "string" });
  const badges = () => page.locator(".stack-layer .badge").allInnerTexts();
  const main = () => page.getByRole("main");

  for (const [folder, { badge, words }] of Object.entries(SHOWN)) {
    test(`${folder}: ${badge}; ${words}`, async () => {
      await go(`${nameOf(folder)}/-/${FILE.path}`);
      await page.getByText(words).first().waitFor();
      await page.getByRole("tab", { name: "About" }).click();
      await button("Compute").click();
      await page.getByText(FILE.sha256).waitFor();
      await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Layers" }).click();
      await page.locator(".stack-layer .badge").first().waitFor();
      assert.deepEqual([...new Set(await badges())], [badge, "verified"]);
    });
  }

  test("a format that makes one tree of all layers tells of none what it changes", async () => {
    await go(`${nameOf("nydus-v6")}/-/?view=layers`);
    await page.getByText("Nydus makes one tree of all layers").waitFor();
    assert.equal(await page.locator(".stack .tallies").count(), 0);
    await page.getByText("What the badges say").click();
    await page.getByText("A table of contents for the whole image").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.locator(".stack-layer").first().click();
    await page.getByRole("heading", { name: "Layer 0" }).waitFor();
    assert.match(await main().innerText(), /Why so\s+the image's manifest says so/);
    assert.match(await main().innerText(), /Names and attributes: digests\. Contents: digests\./);
    assert.equal(await page.getByRole("link", { name: "Open alone" }).count(), 0);
    assert.equal(await page.getByRole("tree").count(), 0);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("link", { name: "Show the files" }).click();
    await page.getByRole("treeitem", { name: /^lib\b/ }).waitFor();
    assert.equal(await page.getByRole("columnheader", { name: "Layer" }).count(), 0);
    // Attributes are those of the tree, although no layer lists its entries.
    await page.getByRole("treeitem", { name: /^lib\b/ }).click();
    await page.getByText("Nydus makes one tree of all layers").waitFor();
  });

  test("of two trees of unlike layers nothing is equal before contents are compared", async () => {
    const other = `${registry.host}/${nameOf("nydus-v6-zran")}`;
    await go(`${nameOf("nydus-v5")}/-/?view=compare&with=${other}`);
    await page
      .getByText(/^Undecided/)
      .first()
      .waitFor();
    const files = paths().filter(({ type, size }) => type === "reg" && size > 0).length;
    assert.match(await main().innerText(), new RegExp(`Undecided\\s+${files}`));
  });

  test("each layer of zstd:chunked is a tree of its own", async () => {
    await go(`${nameOf("zstdchunked-current")}/-/?view=layers`);
    await page.locator(".stack .tallies").nth(1).waitFor();
    assert.match(await page.locator(".stack-layer").nth(0).innerText(), /\+52/);
    assert.match(await page.locator(".stack-layer").nth(1).innerText(), /\+238[\s\S]*~1[\s\S]*−15/);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Image" }).click();
    const chain = main().getByRole("list").filter({ hasText: "Chunks" }).first();
    assert.match(await chain.innerText(), /2 tables of contents \(TOC\)/);
  });

  test("layers of one image may be in several formats", async () => {
    await go(`${MIXED}/-/?view=layers`);
    await page.locator(".stack .tallies").nth(3).waitFor();
    const said = ["eStargz", "zstd:chunked", "whole", "eStargz"].flatMap((badge) => [badge, "verified"]);
    assert.deepEqual(await badges(), said);
    await page.getByText("What the badges say").click();
    const legend = await page.locator(".reading-legend dt").allInnerTexts();
    assert.deepEqual(legend, ["eStargz", "zstd:chunked", "whole", "verified"]);
    assert.deepEqual(await violations(page), []);
  });

  test("the address can name the reader; the image says another", async () => {
    await go(`${nameOf("estargz")}/-/${FILE.path}?reader=soci`);
    await page.getByText("Verified by layer digests").waitFor();
    await page.getByRole("tab", { name: "About" }).click();
    await page.getByText("npx ocipeek cat --reader soci").waitFor();
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Image" }).click();
    await page.getByText("as the address says").first().waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("link", { name: "Read it as the image says" }).click();
    await page.getByText("2 of 2 layers").waitFor();
    assert.ok(!page.url().includes("reader="));
  });

  test("what has no digests is asked for; by ranges it says so everywhere, in this visit alone", async () => {
    await go(`${LARGE}/-/${FILE.path}`);
    await page.getByRole("heading", { name: "Nothing vouches for parts of this image" }).waitFor();
    await button(/^Fetch 42\.7 MB, verified$/).waitFor();
    assert.deepEqual(await violations(page), []);
    await button(UNVERIFIED).click();
    await page.getByText("Checksums only (CRC)").first().waitFor();
    await page.getByText("not verified", { exact: false }).first().waitFor();
    await page.getByRole("tab", { name: "About" }).click();
    await page.getByText("npx ocipeek cat --insecure-unverified").waitFor();
    await button("Compute").click();
    await page.getByText(FILE.sha256).waitFor();
    assert.deepEqual(await violations(page), []);
    const meter = await page.getByRole("button", { name: /fetched/ }).innerText();
    assert.match(meter, /kB\s+of\s+42\.7 MB\s+fetched, not verified/);
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Layers" }).click();
    await page.locator(".stack-layer .badge").first().waitFor();
    assert.deepEqual([...new Set(await badges())], ["OverlayBD", "checksums only"]);
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Image" }).click();
    await page.getByText("OverlayBD is read by ranges here, as you agreed").waitFor();
    assert.deepEqual(await violations(page), []);
    // Neither the address nor the browser remembers it.
    assert.ok(!/verif/.test(page.url()));
    await page.reload();
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Files" }).click();
    await page.getByRole("heading", { name: "Nothing vouches for parts of this image" }).waitFor();
    await button(/^Fetch 42\.7 MB, verified$/).click();
    await page
      .getByText(/of\s*42\.7 MB/)
      .first()
      .waitFor();
    await page.getByRole("treeitem", { name: /^lib\b/ }).waitFor();
    assert.match(await page.getByRole("button", { name: /fetched/ }).innerText(), /fetched, verified/);
  });

  test("small ones are read whole, and by ranges when one says so; and back", async () => {
    await go(`${nameOf("turbooci-erofs")}/-/?view=image`);
    await button(UNVERIFIED).click();
    await page.getByText("TurboOCI is read by ranges here, as you agreed").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByText("contents unverified").first().waitFor();
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Files" }).click();
    await page.getByRole("treeitem", { name: /^lib\b/ }).click();
    await page.getByRole("treeitem", { name: /^libc\.so\.6\b/ }).click();
    await page.getByText("Content not verified").first().waitFor();
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Image" }).click();
    await button("Read it whole, verified").click();
    await button(UNVERIFIED).waitFor();
  });
});
