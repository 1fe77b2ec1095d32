// Errors a person can act on: each one by a registry that fails so, what the page says, and the way on from there.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { startFaultRegistry } from "../lib/fault-registry.mjs";
import { startPage } from "../lib/page.mjs";

describe("errors that a person can act on", () => {
  let registry;
  let parts;
  let page;
  before(async () => {
    registry = await startFaultRegistry();
    // Without a proxy: what a registry does to pages shows as it is.
    parts = await startPage({ registry, static: "/" });
    page = parts.page;
  });
  after(async () => {
    await parts?.stop();
    await registry?.stop();
  });
  beforeEach(async () => {
    registry.fault = undefined;
    // A visit of its own: nothing comes out of a cache.
    await page.goto("about:blank");
    await page.goto(parts.url);
    await page.evaluate(async () => {
      for (const name of await caches.keys()) await caches.delete(name);
      localStorage.clear();
    });
    await page.goto("about:blank");
  });

  const place = (tag = "latest-soci-4m", rest = "?platform=linux/amd64") =>
    `${parts.url}#/${parts.host}/demo:${tag}/-/${rest}`;
  const failure = () => page.getByRole("alert");
  const heading = async (text) => {
    await failure().getByRole("heading", { name: text, exact: true }).waitFor();
  };
  const button = (name) => failure().getByRole("button", { name, exact: true });
  const filesShow = () => page.getByRole("treeitem", { name: /^usr\b/ }).waitFor();
  const codeIs = async (code) =>
    assert.equal(await failure().locator("summary code").first().textContent(), code);

  test("not found: names what was asked for; another address works at once", async () => {
    await page.goto(place("no-such-tag"));
    await heading("No such image");
    await codeIs("NOT_FOUND");
    assert.match(await failure().innerText(), new RegExp(`${parts.host}/demo:no-such-tag`));
    await page.goto(place());
    await filesShow();
  });

  test("private: signing in opens it in place, and the secret is kept nowhere", async () => {
    registry.fault = "private";
    const rest = "usr/lib/os-release?platform=linux/amd64";
    await page.goto(place("latest-soci-4m", rest));
    await heading("This image is private");
    await codeIs("UNAUTHORIZED");
    await failure().getByLabel("User name").fill("ada");
    await failure().getByLabel("Password or token").fill("secret");
    await button("Sign in").click();
    await filesShow();
    assert.ok(page.url().includes("/usr/lib/os-release"), "the address stays");
    const kept = await page.evaluate(async () => {
      const urls = [];
      for (const name of await caches.keys()) {
        for (const { url } of await (await caches.open(name)).keys()) urls.push(url);
      }
      return JSON.stringify([
        { ...localStorage },
        { ...sessionStorage },
        urls,
        document.cookie,
        location.href,
      ]);
    });
    assert.doesNotMatch(kept, /secret|YWRhOnNlY3JldA/);
  });

  test("forbidden: says so, and offers another name", async () => {
    registry.fault = "forbidden";
    await page.goto(place());
    await heading("You may not read this image");
    await codeIs("FORBIDDEN");
    assert.ok(await button("Sign in").isVisible());
  });

  test("rate-limited: shows the time, counts down, and goes on by a press", async () => {
    registry.fault = "limited";
    await page.goto(place());
    await heading("Too many requests");
    await codeIs("RATE_LIMITED");
    const timer = failure().getByRole("timer");
    const first = await timer.innerText();
    assert.match(first, /Tries again by itself in (1 min \d+ s|2 min 0 s)/);
    await page.waitForFunction(
      (before) => document.querySelector("[role='timer']")?.textContent !== before,
      first,
    );
    registry.fault = undefined;
    await button("Try now").click();
    await filesShow();
  });

  test("corrupt: names the digest that is wrong, and shows nothing of it; retry works when it is repaired", async () => {
    registry.fault = "corrupt";
    await page.goto(place());
    await heading("Not what its digest says");
    await codeIs("DIGEST_MISMATCH");
    assert.match(await failure().innerText(), /sha256:[0-9a-f]{64}/);
    registry.fault = undefined;
    await button("Try again").click();
    await filesShow();
  });

  test("no CORS: explains it, and names ways that work", async () => {
    registry.fault = "noCors";
    await page.goto(place());
    await heading("The registry does not talk to web pages");
    await codeIs("CORS");
    assert.match(await failure().innerText(), /npx ocipeek serve/);
  });

  test("unreachable: says which registry, and retries", async () => {
    registry.fault = "down";
    await page.goto(place());
    await heading("No connection to the registry");
    await codeIs("NETWORK");
    assert.match(await failure().innerText(), new RegExp(parts.host));
    registry.fault = undefined;
    await button("Try again").click();
    await filesShow();
  });

  test("offline: says so, and goes on by itself", async () => {
    await page.goto(parts.url);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.context().setOffline(true);
    try {
      await page.goto(place());
      await heading("You are offline");
      await codeIs("OFFLINE");
    } finally {
      await page.context().setOffline(false);
    }
    await filesShow();
  });

  test("too slow for one's patience: cancel stops it, and it can be started again", async () => {
    registry.fault = "slow";
    await page.goto(place());
    await page.getByRole("heading", { name: /^Opening/ }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await heading("Stopped");
    registry.fault = undefined;
    await button("Try again").click();
    await filesShow();
  });

  test("not an image's name, and a layer that the image has not", async () => {
    await page.goto(`${parts.url}#/Not An Image/-/`);
    await heading("Not an image's name");
    await codeIs("INVALID_REFERENCE");
    await page.goto(place("latest-soci-4m", `?platform=linux/amd64&layer=sha256:${"0".repeat(64)}`));
    await heading("No such layer");
  });

  test("a file of an earlier visit: asks to choose it again", async () => {
    await page.goto(`${parts.url}#/file:demo.tar/-/etc`);
    await heading("Choose the file once more");
    await codeIs("CHOOSE_AGAIN");
    assert.ok(await button("Choose the tar …").isVisible());
  });
});

test("a registry that neither answers pages nor is on the host's list: says so, and what to do", async () => {
  const registry = await startFaultRegistry();
  registry.fault = "noCors";
  const parts = await startPage({ registry, vars: { OCIPEEK_INSECURE_REGISTRIES: "127.0.0.1:1" } });
  try {
    await parts.page.goto(`${parts.url}#/${registry.host}/demo:latest-soci/-/`);
    const failure = parts.page.getByRole("alert");
    await failure.getByRole("heading", { name: "This host does not reach that registry" }).waitFor();
    assert.equal(await failure.locator("summary code").first().textContent(), "REGISTRY_NOT_ALLOWED");
    assert.match(await failure.innerText(), /npx ocipeek serve/);
  } finally {
    await parts.stop();
    await registry.stop();
  }
});
