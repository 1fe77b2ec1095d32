// The page's main walk, the same in each engine of browsers: open, filter, a file, layers, a comparison, downloads.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "../../scripts/lib/run.mjs";
import { Hand } from "../lib/browser-hand.mjs";
import { openChromium } from "../lib/chromium.mjs";
import { pushCompareImages } from "../lib/compare-images.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { openFirefox } from "../lib/firefox.mjs";
import { startSite } from "../lib/page.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { openWebKit } from "../lib/webkit.mjs";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const TEXT = "usr/lib/os-release";
const FOLDER = "usr/share/zoneinfo/Europe";

const files = new Map(merged().map((entry) => [entry.path, entry]));
const sha256 = (data) => `sha256:${createHash("sha256").update(data).digest("hex")}`;
const expectedHash = (path) => `sha256:${files.get(path).sha256.replace("sha256:", "")}`;

let site;
before(async () => {
  site = await startSite();
  await pushCompareImages(site.host);
});
after(() => site?.stop());

for (const [name, open] of Object.entries({
  Chromium: openChromium,
  Firefox: openFirefox,
  WebKit: openWebKit,
})) {
  test(`the main walk in ${name}`, { timeout: 180_000 }, async () => {
    const driver = await open();
    const hand = new Hand(driver);
    try {
      await walk(hand);
      assert.deepEqual(hand.errors(), []);
    } catch (error) {
      error.message += `\n${await hand.witness().catch(String)}`;
      throw error;
    } finally {
      await driver.close();
    }
  });
}

/** @param {Hand} hand */
async function walk(hand) {
  await hand.resize(DESKTOP);
  await opens(hand);
  await filters(hand);
  await showsFile(hand);
  await savesFile(hand);
  await showsLayers(hand);
  await namesKind(hand);
  await savesFolder(hand);
  await compares(hand);
  await fitsPhone(hand);
}

async function opens(hand) {
  await hand.goto(site.url);
  await hand.fill("combobox", "Image", `docker pull ${site.host}/demo:latest-soci`);
  await hand.press("Enter");
  await hand.finds("treeitem", /^etc\b/);
  assert.equal(await hand.ask(() => location.hash), `#/${site.host}/demo:latest-soci/-/`);
}

async function filters(hand) {
  const wanted = [...files.keys()].filter((path) => path.endsWith(".crt")).length;
  await hand.fill("textbox", "Filter by name or glob", "*.crt");
  await hand.sees(".tree-said", new RegExp(`^${wanted} of 2,958 entries$`));
  await hand.fill("textbox", "Filter by name or glob", "os-release");
  await hand.finds("treeitem", /^os-release\b.*file/);
}

/** Its text, and its hash as the page computes it, equal the image's. */
async function showsFile(hand) {
  // /etc has a link of the same name before it.
  await hand.click("treeitem", /^os-release\b.*\bfile/);
  await hand.sees(".text-line", /PRETTY_NAME/);
  const shown = await hand.ask(() =>
    [...document.querySelectorAll(".text-line")].map((line) => line.textContent).join(""),
  );
  assert.equal(sha256(shown), expectedHash(TEXT));
  await hand.click("tab", "About");
  await hand.click("button", "Compute");
  await hand.sees(".about-hash", new RegExp(expectedHash(TEXT).slice(7)));
}

async function savesFile(hand) {
  await hand.click("button", "Download");
  assert.equal(sha256(await hand.saved("os-release")), expectedHash(TEXT));
}

/** What a file is, by a part of the page that is loaded only then, and shares code with what is there. */
async function namesKind(hand) {
  await hand.goto(`${site.url}#/${site.host}/demo:latest-soci/-/bin/toybox`);
  await hand.finds("heading", /^ELF 64-bit/);
}

/** What the third layer does, as lists that other tools made have it. */
async function showsLayers(hand) {
  await hand.click("link", "Layers");
  await hand.sees(".stack", /SOCI v2/);
  assert.equal(await hand.ask(() => document.querySelectorAll(".stack a").length), 6);
  await hand.click("link", /^2 .*SOCI v2/);
  await hand.finds("treeitem", /^os-release\b.*\bchanged/);
  const { layer } = layers()[2][0];
  assert.equal(await hand.ask((digest) => decodeURIComponent(location.hash).includes(digest), layer), true);
}

/** GNU tar unpacks what the image has. */
async function savesFolder(hand) {
  await hand.goto(`${site.url}#/${site.host}/demo:latest-soci/-/${FOLDER}`);
  await hand.click("button", "Download tar");
  const temp = tempFolder("saved");
  try {
    const file = join(temp.path, "saved.tar");
    writeFileSync(file, await hand.saved("Europe.tar"));
    await run("tar", ["-xf", file, "-C", temp.path, "--no-same-owner"]);
    const below = [...files.values()].filter(
      ({ path, type }) => path.startsWith(`${FOLDER}/`) && type === "reg",
    );
    assert.ok(below.length > 20, `${below.length} files`);
    for (const { path } of below) {
      const data = readFileSync(join(temp.path, path.slice(FOLDER.length + 1)));
      assert.equal(sha256(data), expectedHash(path), path);
    }
  } finally {
    temp.remove();
  }
}

/** Another tag, chosen from the list, down to the lines of a text. */
async function compares(hand) {
  await hand.goto(`${site.url}#/${site.host}/compare:v1/-/`);
  await hand.finds("treeitem", /^app\b/);
  await hand.click("link", "Compare");
  await hand.click("link", "v2");
  await hand.finds("treeitem", /^new\.txt\b.*added/);
  await hand.sees("section", /Added\s+2 files, 32 B/);
  await hand.click("treeitem", /^settings\.conf\b.*changed/);
  await hand.finds("table", "Difference of the texts");
  await hand.sees(".diff", /colour = yes/);
  assert.deepEqual(
    await hand.ask(() => [...document.querySelectorAll(".diff mark")].map((mark) => mark.textContent)),
    ["8080", "9090"],
  );
}

/** On a phone, nothing is wider than it, and the way to each view is in sight. */
async function fitsPhone(hand) {
  await hand.resize(PHONE);
  await hand.until("the width of a phone", () => hand.ask((width) => innerWidth === width, PHONE.width));
  await hand.finds("table", "Difference of the texts");
  assert.deepEqual(await tooWide(hand), []);
  await hand.goto(`${site.url}#/${site.host}/demo:latest-soci/-/${TEXT}`);
  await hand.click("tab", "Text");
  await hand.sees(".text-line", /PRETTY_NAME/);
  assert.deepEqual(await tooWide(hand), []);
}

/** What can be scrolled to its side. @param {Hand} hand */
function tooWide(hand) {
  return hand.ask(() =>
    ["html", ".topbar-views", "[role=tablist]"].filter((selector) => {
      const it = document.querySelector(selector);
      return it && it.scrollWidth > it.clientWidth;
    }),
  );
}
