// The page's view of bytes: a file of 4 GiB opens at once, and what is in sight is all that is read.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pushLayout, startDockerRegistry } from "../lib/docker-registry.mjs";
import { HUGE_SIZE, hugeBytes, writeHugeLayout } from "../lib/file-images.mjs";
import { startPage } from "../lib/page.mjs";
import { tempFolder } from "../lib/processes.mjs";

/** Most bytes that one span of the image has, compressed. */
const SPAN_BYTES = 200_000;

let registry;
let site;
let page;
const folder = tempFolder("huge-image");
/** Bytes of layers that were asked for. */
let asked = 0;

before(async () => {
  registry = await startDockerRegistry();
  writeHugeLayout(folder.path);
  await pushLayout(registry.host, folder.path, "huge");
  site = await startPage({ registry });
  page = site.page;
  page.on("request", (request) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers().range ?? "");
    if (range && request.url().includes("/blobs/")) asked += Number(range[2]) - Number(range[1]) + 1;
  });
  await page.goto(`${site.url}#/${registry.host}/huge:latest/-/huge.bin`);
  await rowAt(0);
});

after(async () => {
  await site?.stop();
  await registry?.stop();
  folder.remove();
});

const scroller = () => page.getByRole("region", { name: /^Bytes of/ });

/** Waits for the row of an offset, and asserts that it shows the file's bytes. */
async function rowAt(offset) {
  const row = page.locator(`.hex-row[data-offset="${offset}"]`);
  await row.locator(".hex-bytes:not(:empty)").waitFor();
  const shown = (await row.locator(".hex-bytes").textContent()).replace(/ /g, "");
  const length = Math.min(16, HUGE_SIZE - offset);
  assert.equal(shown, hugeBytes(offset, length).toString("hex"), `bytes at ${offset}`);
  return row;
}

const firstOffset = async () => Number(await page.locator(".hex-row").first().getAttribute("data-offset"));

test("4 GiB open with one span, and few rows", async () => {
  assert.equal(await page.locator(".file-bar-facts").textContent(), "4,294,967,296 bytes");
  assert.ok(asked > 0 && asked <= SPAN_BYTES, `${asked} B were asked for`);
  assert.ok((await page.locator(".hex-row").count()) < 100);
  const ascii = await page.locator(".hex-row").first().locator(".hex-ascii").textContent();
  assert.equal(ascii.length, 16);
});

test("an offset is gone to, in decimal and hexadecimal, and costs its span", async () => {
  const field = page.getByRole("textbox", { name: /Go to offset/ });
  const before = asked;
  await field.fill("3000000000");
  await field.press("Enter");
  await rowAt(3_000_000_000 - (3_000_000_000 % 16));
  assert.equal(await page.locator(".hex-marked").count(), 1);
  await field.fill("0x80000010");
  await field.press("Enter");
  const row = await rowAt(0x80000010);
  assert.match(await row.getAttribute("class"), /hex-marked/);
  assert.ok(asked - before <= 4 * SPAN_BYTES, `${asked - before} B were asked for`);
});

test("the keyboard and the wheel go by rows, the end is the end", async () => {
  await scroller().focus();
  await page.keyboard.press("Home");
  await rowAt(0);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.querySelector(".hex-row")?.getAttribute("data-offset") === "32");
  await page.keyboard.press("PageDown");
  await page.waitForFunction(
    () => Number(document.querySelector(".hex-row")?.getAttribute("data-offset")) > 320,
  );
  await page.keyboard.press("End");
  const last = await rowAt(HUGE_SIZE - 16);
  assert.equal(await last.locator(".hex-ascii").textContent(), "of the huge file");
  assert.equal(await page.locator(".hex-row").last().getAttribute("data-offset"), String(HUGE_SIZE - 16));
  const end = await firstOffset();
  await scroller().hover();
  await page.mouse.wheel(0, -200);
  await page.waitForFunction((was) => {
    const now = Number(document.querySelector(".hex-row")?.getAttribute("data-offset"));
    return now < was && now >= was - 16 * 12;
  }, end);
});

test("the scroll bar goes anywhere", async () => {
  await scroller().evaluate((element) => {
    element.scrollTop = element.scrollHeight / 2;
  });
  await page.waitForFunction((size) => {
    const now = Number(document.querySelector(".hex-row")?.getAttribute("data-offset"));
    return Math.abs(now - size / 2) < size / 50;
  }, HUGE_SIZE);
  await rowAt(await firstOffset());
});

test("on a phone rows hold eight bytes, and the same byte stays on top", async () => {
  const before = await firstOffset();
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator(".hex-narrow").waitFor();
  await page.waitForFunction((was) => {
    const now = Number(document.querySelector(".hex-row")?.getAttribute("data-offset"));
    return Math.abs(now - was) <= 16;
  }, before);
  const shown = await page.locator(".hex-row .hex-bytes:not(:empty)").first().textContent();
  assert.equal(shown.split(/ +/).length, 8);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
});
