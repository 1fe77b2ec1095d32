// Downloads by the service worker, where messages, navigations and other versions of the page come in an unlucky order.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPage } from "../lib/page.mjs";

const FOLDER = "usr/share/zoneinfo/Europe";

let site;
before(async () => {
  site = await startPage({ static: "/" });
});
after(() => site?.stop());

/** Opens the folder in a page of its own, in which `before` ran first. */
async function open(before = () => {}) {
  const page = await site.page.context().newPage();
  await page.addInitScript(before);
  await page.goto(`${site.url}#/${site.host}/demo:latest-soci/-/${FOLDER}?platform=linux/amd64`);
  return page;
}

/** How the folder reached the disk: "stream" by the service worker, "memory" as a blob. */
async function way(page) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download tar" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "Europe.tar");
  await download.path();
  return download.url().startsWith("blob:") ? "memory" : "stream";
}

test("the browser asks for a download only when the service worker has it", async () => {
  const page = await open(() => {
    const { postMessage } = ServiceWorker.prototype;
    ServiceWorker.prototype.postMessage = function (...args) {
      setTimeout(() => postMessage.apply(this, args), 300);
    };
  });
  assert.equal(await way(page), "stream");
  await page.close();
});

test("a service worker that could not be registered once is registered by the next download", async () => {
  const page = await open(() => {
    const { register } = ServiceWorkerContainer.prototype;
    let calls = 0;
    ServiceWorkerContainer.prototype.register = function (...args) {
      calls += 1;
      return calls === 1 ? Promise.reject(new TypeError("Failed to fetch")) : register.apply(this, args);
    };
  });
  assert.equal(await way(page), "memory");
  assert.equal(await way(page), "stream");
  await page.close();
});

test("another version of the page may put its service worker in this one's place", async () => {
  const page = await open();
  assert.equal(await way(page), "stream");
  await page.evaluate(async () => {
    const [registration] = await navigator.serviceWorker.getRegistrations();
    const { scope, active } = registration;
    const next = await navigator.serviceWorker.register(`${active.scriptURL}?next`, { scope });
    while (next.active?.state !== "activated" || next.active === active)
      await new Promise((resolve) => setTimeout(resolve, 20));
  });
  assert.equal(await way(page), "stream");
  await page.close();
});
