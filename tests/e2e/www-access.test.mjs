// The page for everyone: axe finds nothing on any view, light and dark, desktop and phone; 360 pixels are wide enough;
// the keyboard reaches everything.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { violations } from "../lib/axe.mjs";
import { startPage } from "../lib/page.mjs";

const PLATFORM = "platform=linux/amd64";

describe("the page is accessible", () => {
  let parts;
  let page;
  let image;
  before(async () => {
    parts = await startPage();
    page = parts.page;
    image = `#/${parts.host}/demo:latest-soci-4m/-`;
  });
  after(() => parts?.stop());

  /** Goes to an address, and waits until it is shown. */
  async function show(hash) {
    await page.goto("about:blank");
    await page.goto(`${parts.url}${hash}`);
    await settled();
  }

  const settled = () =>
    page.waitForFunction(
      () =>
        document.querySelector("main > *") &&
        !document.querySelector("main > .opening, main .spinner, main [aria-busy='true']"),
    );

  /** Name, address, and what is done there. @returns {[string, string, (() => Promise<unknown>)?][]} */
  const views = () => [
    ["start", "#/"],
    ["files", `${image}/?${PLATFORM}`],
    ["folder", `${image}/usr/share?${PLATFORM}`],
    ["text", `${image}/usr/lib/os-release?${PLATFORM}`],
    ["layers", `${image}/?view=layers&${PLATFORM}`],
    ["compare", `${image}/?view=compare&${PLATFORM}&with=${parts.host}/demo:latest-soci`],
    ["image", `${image}/?view=image&${PLATFORM}`],
    ["no such image", `#/${parts.host}/demo:none/-/`],
    ["file of an earlier visit", "#/file:demo.tar/-/"],
    ["menu", `${image}/?view=image&${PLATFORM}`, () => page.getByRole("button", { name: "Menu" }).click()],
    [
      "meter",
      `${image}/?view=image&${PLATFORM}`,
      () => page.getByRole("button", { name: /verified/ }).click(),
    ],
    ["help", `${image}/?view=image&${PLATFORM}`, () => page.keyboard.press("?")],
  ];

  for (const [colorScheme, width, height] of [
    ["light", 1280, 800],
    ["dark", 1280, 800],
    ["light", 360, 740],
    ["dark", 360, 740],
  ]) {
    test(`axe finds nothing on any view, ${colorScheme}, ${width} wide, and nothing is wider`, async () => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      const problems = [];
      for (const [name, hash, act] of views()) {
        await show(hash);
        await act?.();
        problems.push(...(await violations(page)).map((it) => `${name}: ${it}`));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) problems.push(`${name}: ${over} pixels too wide`);
      }
      assert.deepEqual(problems, []);
    });
  }
});
