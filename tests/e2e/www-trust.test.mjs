// What vouches for an image and its files, what reading cost, the cache and its button; and that the page runs and asks
// for nothing but its own.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startPage } from "../lib/page.mjs";
import { layout } from "../lib/variants.mjs";

const TAG = "latest-soci";
const QUERY = "?platform=linux/amd64";

describe("trust and cost in sight", () => {
  let parts;
  let page;
  const asked = [];
  before(async () => {
    parts = await startPage();
    page = parts.page;
    page.context().on("request", (request) => asked.push(new URL(request.url()).host));
  });
  after(() => parts?.stop());

  const go = async (rest) => {
    await page.goto("about:blank");
    await page.goto(`${parts.url}#/${parts.host}/demo:${TAG}/-/${rest}`);
  };

  test("the image's chain from the tag to the spans names the digests of the fixture", async () => {
    const index = layout.tags.get(TAG);
    const [image, soci] = layout.manifests.get(index).json.manifests;
    await go(`${QUERY}&view=image`);
    const chain = page.getByRole("main").getByRole("list").filter({ hasText: "SOCI index v2" }).first();
    await chain.waitFor();
    const text = await chain.innerText();
    for (const digest of [index, image.digest, soci.digest]) {
      assert.ok(text.includes(digest.slice(0, "sha256:".length + 12)), `${digest} in ${text}`);
    }
    assert.match(text, /Only a digest, or a\s+signature, says more/);
    assert.match(text, /6 tables of contents/);
    assert.match(await page.getByRole("main").innerText(), /Directly from the registry/);
  });

  test("a file says how it was verified", async () => {
    await go(`usr/lib/os-release${QUERY}`);
    await page.getByText("Verified by span digests").waitFor();
    await page.getByRole("tab", { name: "About" }).click();
    const said = await page.getByRole("main").innerText();
    assert.match(said, /equals the digest that the registry gave for the tag/);
    assert.match(said, /out of the layer’s zTOC, which equals its digest in the SOCI index/);
  });

  test("the cache shows its size, and the button empties it", async () => {
    await go(`usr/lib/os-release${QUERY}`);
    await page.getByText("PRETTY_NAME").first().waitFor();
    await page.getByRole("button", { name: /fetched/ }).click();
    const cache = page.getByRole("region", { name: "Cache", exact: true });
    await cache.getByText(/of at most/).waitFor();
    assert.match(await cache.innerText(), /[1-9][\d.]* (kB|MB) of at most .*, [1-9]\d* pieces/);
    await cache.getByRole("button", { name: "Clear" }).click();
    await cache.getByText(/^0 B of at most .*, 0 pieces/).waitFor();
    const left = await page.evaluate(async () => {
      const names = await caches.keys();
      const keys = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return keys.flat().filter((it) => it.url.includes("/entry/")).length;
    });
    assert.equal(left, 0);
  });

  test("text is no code here, and nobody but the host and the registry was asked", async () => {
    const refused = await page.evaluate(() => {
      const said = [];
      document.addEventListener("securitypolicyviolation", (event) => said.push(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "globalThis.ran = true";
      document.body.append(script);
      const style = document.createElement("style");
      style.textContent = "body { display: none }";
      document.body.append(style);
      // Within `evaluate` itself the policy does not count.
      const evaluated = new Promise((resolve) => {
        setTimeout(() => {
          try {
            resolve(new Function("return true")());
          } catch {
            resolve(false);
          }
        }, 0);
      });
      return new Promise((resolve) => {
        setTimeout(
          async () =>
            resolve({
              evaluated: await evaluated,
              ran: "ran" in globalThis,
              isHidden: getComputedStyle(document.body).display === "none",
              said: [...new Set(said)].sort(),
            }),
          100,
        );
      });
    });
    assert.deepEqual(refused, {
      evaluated: false,
      ran: false,
      isHidden: false,
      said: ["script-src", "script-src-elem", "style-src-elem"],
    });
    const own = new URL(parts.url).host;
    const others = [...new Set(asked)].filter((host) => host !== "" && host !== own && host !== parts.host);
    assert.deepEqual(others, []);
  });
});
