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

  test("everything is done by keyboard alone: open, walk, filter, read, switch, copy, go back", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: "light" });
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const { keyboard } = page;
    const press = async (...keys) => {
      for (const key of keys) await keyboard.press(key);
    };
    /** Presses Tab until what has the focus is called so. */
    const tabTo = async (name) => {
      for (let presses = 0; presses < 60; presses++) {
        await press("Tab");
        if (await page.evaluate(isFocused, name.source)) return;
      }
      assert.fail(`Tab does not reach ${name}`);
    };

    await show("#/");
    await tabTo(/^Image$/);
    await keyboard.type(`${parts.host}/demo:latest-soci-4m`);
    await press("Enter");
    await page.getByRole("treeitem", { name: /^usr\b/ }).waitFor();
    assert.notEqual(
      await page.evaluate(() => document.activeElement?.tagName),
      "BODY",
      "the focus is not lost",
    );

    // The tree: one stop, with arrows inside, letters, and Enter.
    await tabTo(/^Files$/);
    await press("u", "ArrowRight");
    await page
      .getByRole("treeitem", { name: /^lib\b/ })
      .nth(1)
      .waitFor();
    await press("ArrowRight", "l", "ArrowRight");
    await page.getByRole("treeitem", { name: /^os-release\b/ }).waitFor();
    await keyboard.type("os-");
    await press("Enter");
    await page.getByText("PRETTY_NAME").first().waitFor();
    assert.match(page.url(), /\/-\/usr\/lib\/os-release/);

    // The filter: from anywhere by a slash; Escape clears it.
    await press("/");
    await keyboard.type("zoneinfo");
    await page.locator("mark").first().waitFor();
    await press("Escape");
    await page.locator("mark").first().waitFor({ state: "detached" });

    // Help, and back to where one was.
    await page.evaluate(() => document.querySelector("main").focus());
    await press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await press("Escape");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");

    // A link that names the digest.
    await tabTo(/^Copy (link|permalink)/);
    await press("Enter");
    await page.getByRole("status").filter({ hasText: "Copied" }).waitFor({ state: "attached" });
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /demo@sha256:[0-9a-f]{64}\/-\/usr\/lib\/os-release/);

    // The meter's panel, and the theme in the menu.
    await tabTo(/fetched, verified$/);
    await press("Enter");
    await page.getByRole("dialog", { name: "What it cost" }).waitFor();
    await press("Escape");
    await page.getByRole("dialog", { name: "What it cost" }).waitFor({ state: "hidden" });
    assert.ok(await page.evaluate(isFocused, "fetched, verified$"), "the focus is back at the meter");
    await tabTo(/^Menu$/);
    await press("Enter");
    await tabTo(/^As the system$/);
    await press("ArrowRight", "ArrowRight");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.reload();
    await settled();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", "it is kept");
    await page.evaluate(() => localStorage.clear());

    // Views by their links, and back.
    await page.goto("about:blank");
    await show(`${image}/usr/lib/os-release?${PLATFORM}`);
    for (const view of ["Layers", "Compare", "Image"]) {
      await tabTo(new RegExp(`^${view}$`));
      await press("Enter");
      await page.waitForURL(new RegExp(`view=${view.toLowerCase()}`));
      await settled();
      await page.waitForFunction((it) => document.title.startsWith(it), view);
    }
    await page.goBack();
    await page.goBack();
    await page.goBack();
    await page.getByText("PRETTY_NAME").first().waitFor();
    await page.waitForFunction(() => document.title === "os-release · demo:latest-soci-4m · ocipeek");
  });

  test("on every view Tab reaches all controls, each has a name, and is seen where it has the focus", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    const problems = [];
    for (const [name, hash, act] of views()) {
      if (act) continue;
      await show(hash);
      await page.evaluate(() => document.body.focus());
      const missing = await controls();
      for (let presses = 0; presses < 250 && missing.size > 0; presses++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(focusOf);
        if (!at) continue;
        if (at.name === "") problems.push(`${name}: ${at.id} has no name`);
        if (!at.isSeen) problems.push(`${name}: ${at.id} (${at.name}) shows no focus`);
        missing.delete(at.id);
      }
      problems.push(...[...missing].map((it) => `${name}: Tab does not reach ${it}`));
    }
    assert.deepEqual(problems, []);
  });

  /** Numbers of what can be operated and is seen. */
  async function controls() {
    const ids = await page.evaluate(() => {
      const all = document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0']",
      );
      return [...all].flatMap((it, at) => {
        if (!(it instanceof HTMLElement) || it.tabIndex < 0 || it.hasAttribute("disabled")) return [];
        if (!it.checkVisibility({ visibilityProperty: true }) || it.classList.contains("skip")) return [];
        // Of radio buttons, Tab reaches the one that is chosen.
        if (it instanceof HTMLInputElement && it.type === "radio" && !it.checked) return [];
        it.dataset.control = `${at} ${it.outerHTML.slice(0, 80)}`;
        return [it.dataset.control];
      });
    });
    return new Set(ids);
  }
});

/** In the page: what has the focus. */
function focusOf() {
  const at = document.activeElement;
  if (!(at instanceof HTMLElement) || at === document.body) return undefined;
  const labelled = at.getAttribute("aria-labelledby");
  const name =
    at.getAttribute("aria-label") ||
    (labelled && document.getElementById(labelled)?.textContent) ||
    /** @type {HTMLInputElement} */ (at).labels?.[0]?.textContent ||
    at.textContent ||
    at.title;
  // Frames are drawn around a control, around what holds it, or around its active item.
  const active = document.getElementById(at.getAttribute("aria-activedescendant") ?? "");
  const framed = [at, at.parentElement, at.parentElement?.parentElement, active];
  return {
    id: at.dataset.control ?? at.outerHTML.slice(0, 80),
    name: (name || "").trim(),
    isSeen: framed.some((it) => it && getComputedStyle(it).outlineStyle !== "none"),
  };
}

/** In the page: whether what has the focus is called so. */
function isFocused(source) {
  const at = document.activeElement;
  if (!(at instanceof HTMLElement)) return false;
  const name =
    at.getAttribute("aria-label") || /** @type {any} */ (at).labels?.[0]?.textContent || at.textContent || "";
  return new RegExp(source).test(name.trim());
}
