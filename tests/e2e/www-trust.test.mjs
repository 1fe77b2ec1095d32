// What vouches for an image and its files, what reading cost, the cache and its button; and that the page runs and asks
// for nothing but its own.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { violations } from "../lib/axe.mjs";
import { startPage } from "../lib/page.mjs";
import { layout, v1Indexes } from "../lib/variants.mjs";

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

describe("an image to which somebody attached an index", () => {
  const FILE = "usr/lib/os-release";
  let parts;
  /** @type {import("playwright-core").Page} */
  let page;
  let asked = [];
  before(async () => {
    parts = await startPage();
    page = parts.page;
    page.setDefaultTimeout(20_000);
    page.context().on("request", (request) => asked.push(new URL(request.url()).pathname));
  });
  after(() => parts?.stop());

  /** A visit: nothing is left of the one before but what the browser keeps. */
  const visit = async (rest, tag = "latest") => {
    asked = [];
    await page.goto("about:blank");
    await page.goto(`${parts.url}#/${parts.host}/demo:${tag}/-/${rest}`);
  };
  const button = (name) => page.getByRole("button", { name, exact: true });
  const question = () =>
    page.getByRole("heading", { name: "This image has an index that somebody attached" });
  const kept = () =>
    page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));

  test("one that names its own is not asked for it", async () => {
    await visit(FILE + QUERY, TAG);
    await page.getByText("Verified by span digests").waitFor();
    assert.deepEqual(
      asked.filter((path) => /\/referrers\/|\/sha256-/.test(path)),
      [],
    );
  });

  test("it is asked, in plain words, before anything is read by it", async () => {
    await visit(FILE + QUERY);
    await question().waitFor();
    const said = await page.getByRole("main").innerText();
    assert.match(said, /could show other names, links and contents than the\s+layers\s+hold, and hide files/);
    for (const name of ["Use the attached index", "Index these layers"]) await button(name).waitFor();
    await page.getByRole("button", { name: /^Fetch 4\.\d MB$/ }).waitFor();
    const indexes = asked.filter((path) => v1Indexes.some((digest) => path.endsWith(digest)));
    assert.deepEqual(indexes, [], "no attached index is fetched");
    assert.deepEqual(await violations(page), []);
  });

  test("agreed to, it is read, and says so wherever it shows what it read", async () => {
    await button("Use the attached index").click();
    await page.getByText("By an attached index, not verified").waitFor();
    await page.getByText("PRETTY_NAME").first().waitFor();
    assert.match(await page.getByRole("button", { name: /fetched/ }).innerText(), /by an attached index/);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("tab", { name: "About" }).click();
    const about = await page.getByRole("main").innerText();
    assert.match(about, /not verified: attached by somebody who may write to the repository/);
    assert.match(about, /npx ocipeek cat --attached-index /);
    await page.evaluate(() => {
      location.hash = location.hash.replace(/\/-\/.*/, "/-/?platform=linux/amd64&view=image");
    });
    const chain = page.getByRole("main").getByRole("list").filter({ hasText: "SOCI index v1" }).first();
    await chain.waitFor();
    assert.match(await chain.innerText(), /nothing ties it to the image: somebody who may write/);
    await page.getByText("It is read by what is attached to it, as you agreed").waitFor();
    assert.ok(
      (await page.getByText("attached index", { exact: true }).count()) >= 6,
      "a badge for each layer",
    );
    assert.deepEqual(await violations(page), []);
  });

  test("the answer is kept nowhere: the next visit asks again", async () => {
    assert.doesNotMatch(await kept(), /attached/i);
    await visit(FILE + QUERY);
    await question().waitFor();
    assert.doesNotMatch(page.url(), /attached/);
  });

  test("fetched whole it is verified by its layers", async () => {
    await page.getByRole("button", { name: /^Fetch / }).click();
    await page.getByText("Verified by layer digests").waitFor();
    assert.match(await page.getByRole("button", { name: /fetched/ }).innerText(), /, verified/);
  });

  test("agreed to once, taken back in the image's view", async () => {
    await visit(FILE + QUERY);
    await question().waitFor();
    await button("Use the attached index").click();
    await page.getByText("By an attached index, not verified").waitFor();
    await page.evaluate(() => {
      location.hash = location.hash.replace(/\/-\/.*/, "/-/?platform=linux/amd64&view=image");
    });
    await button("Read it by its layers alone").click();
    await page.getByText("The image names no index of its own").waitFor();
    assert.equal(await page.getByText("attached index", { exact: true }).count(), 0);
    await button("Look for an attached one").click();
    await page.getByText("2 were found. It could show other names").waitFor();
    await button("Use the attached index").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.evaluate(() => {
      location.hash = location.hash.replace(/&view=image/, "");
    });
    await question().waitFor();
  });

  test("indexed here it is verified, and asks no more", async () => {
    await button("Index these layers").click();
    await page.getByText("built here", { exact: false }).first().waitFor();
    await visit(FILE + QUERY);
    await page.getByText("Verified by span digests").waitFor();
    assert.equal(await question().count(), 0);
    await page.getByRole("tab", { name: "About" }).click();
    assert.match(await page.getByRole("main").innerText(), /built here of the layer, which had its digest/);
  });
});
