// The tree of files in Chromium: the demo image, and one with names that want to deceive.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { pushLayout, startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { startPage } from "../lib/page.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { writeSyntheticLayout } from "../lib/synthetic-image.mjs";

/** Names, and how they are shown. */
const NAMES = [
  ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
  ["invoice\u202Efdp.sh", "invoice‹U+202E›fdp.sh"],
  ["new\nline", "new‹U+000A›line"],
  ["esc\x1b[31m", "esc‹U+001B›[31m"],
  [" ", "‹U+0020›"],
  ["zero\u200Bwidth", "zero‹U+200B›width"],
  ["ünïcödé-文件", "ünïcödé-文件"],
  ["%2e%2e", "%2e%2e"],
  ["a?b#c", "a?b#c"],
];

const DESKTOP = { width: 1280, height: 800 };

describe("the tree of files", () => {
  let site;
  let page;
  let registry;
  before(async () => {
    registry = await startDemoRegistry();
    const temp = tempFolder("names");
    const files = NAMES.map(([name, shown]) => [`odd/${name}`, Buffer.from(shown)]);
    await writeSyntheticLayout(temp.path, /** @type {[string, Buffer][]} */ (files));
    await pushLayout(registry.host, temp.path, "names");
    temp.remove();
    site = await startPage({ registry });
    page = site.page;
    page.setDefaultTimeout(10_000);
  });
  after(async () => {
    await site?.stop();
    await registry?.stop();
  });
  beforeEach(() => page.setViewportSize(DESKTOP));

  /** Loads the page anew at a fragment behind the image's reference. */
  async function open(fragment, image = "demo:latest-soci") {
    await page.goto("about:blank");
    await page.goto(`${site.url}#/${site.host}/${image}/-${fragment}`);
    await page.locator("[role=treeitem]").first().waitFor({ state: "attached" });
  }
  const tree = () => page.getByRole("tree", { name: "Files" });
  const filter = () => page.getByRole("textbox", { name: "Filter by name or glob" });
  const address = () => decodeURIComponent(new URL(page.url()).hash.split("/-")[1]);
  const scrollTop = () => tree().evaluate((list) => list.scrollTop);
  /** The rows that are rendered and in sight: what is read of each. */
  const rows = () =>
    page.evaluate(() => {
      const list = document.querySelector("[role=tree]").getBoundingClientRect();
      return [...document.querySelectorAll("[role=treeitem]")]
        .map((row) => ({ row, box: row.getBoundingClientRect() }))
        .filter(({ box }) => box.bottom > list.top + 1 && box.top < list.bottom - 1)
        .sort((a, b) => a.box.top - b.box.top)
        .map(({ row }) => ({
          row: Number(row.getAttribute("data-row")),
          name: row.querySelector("bdi").textContent,
          level: Number(row.getAttribute("aria-level")),
          target: row.querySelector(".tree-target bdi")?.textContent,
          cells: Object.fromEntries(
            [...row.querySelectorAll(".tree-cell")]
              .filter((cell) => cell.getClientRects().length > 0)
              .map((cell) => [cell.className.replace(/.*tree-cell-/, ""), cell.textContent]),
          ),
        }));
    });
  const names = async () => (await rows()).map(({ name }) => name);
  /** What the row at the cursor says to screen readers. */
  const cursor = () =>
    tree().evaluate((list) => {
      const row = document.getElementById(list.getAttribute("aria-activedescendant"));
      return row?.querySelector("bdi").textContent;
    });
  async function press(...keys) {
    const at = [];
    for (const key of keys) {
      await page.keyboard.press(key);
      at.push(await cursor());
    }
    return at;
  }

  /** All rows from the first to the last, by scrolling; paths as they are shown. */
  async function allRows() {
    const found = new Map();
    const folders = [];
    let next = 0;
    await page.keyboard.press("Home");
    for (;;) {
      const now = (await rows()).filter(({ row }) => row >= next);
      for (const { row, name, level, target, cells } of now) {
        assert.equal(row, next++, "no row is left out");
        folders.length = level - 1;
        folders.push(name);
        found.set(folders.join("/"), { target, ...cells });
      }
      const isEnd = await tree().evaluate((list) => {
        list.scrollTop += list.clientHeight - 60;
        return list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
      });
      await frame();
      if (isEnd && now.length === 0) return found;
    }
  }
  const frame = () =>
    page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

  test("shows every entry of the image with size, time, mode, owner, layer and link", async () => {
    await page.setViewportSize({ width: 1900, height: 1000 });
    await open("/");
    await page.getByRole("separator").press("End");
    await page.getByRole("button", { name: "Open all folders" }).click();
    await tree().focus();
    const shown = await allRows();
    await page.getByRole("separator").dblclick();
    const expected = merged().filter(({ path }) => path !== "");
    assert.equal(shown.size, expected.length);
    const folderSizes = sizesOfFolders(expected);
    for (const line of expected) {
      const { path, type, mode, uid, gid, linkname } = line;
      const row = shown.get(path.split("/").map(shownName(line)).join("/"));
      assert.ok(row, `${path} is there`);
      // A folder that no layer lists has no attributes.
      const isKnown = !line.implicit;
      assert.equal(row.mode?.slice(1), isKnown ? permissions(mode) : "", path);
      assert.equal(row.owner, isKnown ? `${uid}:${gid}` : "", path);
      assert.equal(row.layer, isKnown ? `${line.layer_index}` : "", path);
      assert.equal(row.mtime, isKnown ? time(line.mtime_ns) : "", path);
      assert.equal(row.target, type === "symlink" ? linkname : undefined, path);
      const size = type === "dir" ? folderSizes.get(path) : line.size;
      assert.equal(row.size, type === "dir" || type === "reg" ? bytes(size ?? 0) : "", path);
    }
  });

  test("an address opens its folders and selects; a click goes to the address; back and forward too", async () => {
    await open("/usr/share/zoneinfo/Europe/Berlin");
    const selected = page.locator("[role=treeitem][aria-selected=true]");
    await selected.waitFor();
    await page.getByRole("treeitem", { name: "Berlin file 2.3 kB", selected: true, exact: true }).waitFor();
    assert.equal(await selected.getAttribute("aria-level"), "5");
    const place = await scrollTop();
    await page.getByRole("treeitem", { name: "Brussels file" }).click();
    assert.equal(address(), "/usr/share/zoneinfo/Europe/Brussels");
    assert.equal(await scrollTop(), place);
    await tree().evaluate((list) => {
      list.scrollTop = 0;
    });
    await page.getByRole("treeitem", { name: "app folder" }).click();
    assert.equal(address(), "/app");
    await page.goBack();
    await page.waitForFunction(() =>
      document.querySelector("[role=treeitem][aria-selected=true]")?.textContent.includes("Brussels"),
    );
    assert.equal(address(), "/usr/share/zoneinfo/Europe/Brussels");
    // As it was when the address was left, not where the file is.
    assert.equal(await scrollTop(), 0);
    await page.goForward();
    await page.getByRole("treeitem", { name: "app folder", selected: true }).waitFor();
    // A path through links is found where they lead.
    await open("/opt/odd/root-link/etc/hostname");
    await page.getByRole("treeitem", { name: "hostname file", selected: true }).waitFor();
  });

  test("is walked by the keyboard as in a file manager", async () => {
    await open("/");
    const requests = [];
    page.on("request", (request) => requests.push(request.url()));
    await tree().focus();
    assert.equal(await cursor(), "app");
    const firstOfBin = merged()
      .filter(({ path }) => /^bin\/[^/]+$/.test(path))
      .map(({ path }) => path.slice(4))
      .sort()[0];
    assert.deepEqual(await press("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"), [
      "bin",
      "bin",
      firstOfBin,
      "bin",
      "bin",
    ]);
    const bin = page.getByRole("treeitem", { name: "bin folder", exact: false }).first();
    assert.equal(await bin.getAttribute("aria-expanded"), "false");
    assert.deepEqual(await press("End", "Home", "e", "t", "ArrowRight", "ArrowRight", "h"), [
      "var",
      "app",
      "etc",
      "etc",
      "etc",
      "ca-certificates",
      "hostname",
    ]);
    assert.equal(address(), "/", "nothing is opened by walking");
    assert.deepEqual(requests, [], "nor fetched");
    page.removeAllListeners("request");
    await page.keyboard.press("Enter");
    assert.equal(address(), "/etc/hostname");
    // Positions for screen readers: `etc` is the fourth of the root's entries.
    const etc = page.getByRole("treeitem", { name: "etc folder" }).first();
    const aria = (...names) =>
      etc.evaluate((it, of) => of.map((name) => it.getAttribute(`aria-${name}`)), names);
    const atTop = merged().filter(({ path }) => path !== "" && !path.includes("/")).length;
    assert.deepEqual(await aria("level", "posinset", "setsize"), ["1", "4", `${atTop}`]);
    // All folders beside the cursor; then down by a screen: the cursor stays in sight.
    await press("ArrowLeft", "*", "Home", "PageDown", "PageDown", "PageDown");
    const row = await page.locator(".has-cursor").boundingBox();
    const box = await tree().boundingBox();
    assert.ok(row.y >= box.y && row.y + row.height <= box.y + box.height + 1, "the cursor is in sight");
    assert.ok((await scrollTop()) > box.height);
    await page.keyboard.press("Tab");
    assert.ok(await tree().evaluate((list) => list !== document.activeElement), "one Tab leaves the tree");
  });

  test("sorts by name, size, time and layer, both ways, folders by their sums", async () => {
    await open("/");
    const top = merged().filter(({ path }) => path !== "" && !path.includes("/"));
    const sizes = sizesOfFolders(merged());
    const key = {
      size: ({ path }) => sizes.get(path) ?? 0,
      modified: ({ mtime_ns }) => Number(BigInt(mtime_ns) / 1_000_000n),
      layer: ({ layer_index }) => layer_index,
    };
    const byName = (a, b) => (a.path < b.path ? -1 : 1);
    for (const [title, value] of Object.entries(key)) {
      const header = page.getByRole("button", { name: `Sort by ${title}` });
      await header.click();
      const down = top.toSorted((a, b) => value(b) - value(a) || byName(a, b)).map(({ path }) => path);
      assert.deepEqual(await names(), down, `${title}, largest first`);
      await page.getByRole("button", { pressed: true }).click();
      const up = top.toSorted((a, b) => value(a) - value(b) || byName(a, b)).map(({ path }) => path);
      assert.deepEqual(await names(), up, `${title}, smallest first`);
    }
    await page.getByRole("button", { name: "Sort by name" }).click();
    const byNames = top.toSorted(byName).map(({ path }) => path);
    assert.deepEqual(await names(), byNames);
    await page.getByRole("button", { pressed: true }).click();
    assert.deepEqual(await names(), byNames.toReversed());
  });

  test("filters the whole image as one types, the latest query wins, and Escape clears", async () => {
    await open("/");
    await page.keyboard.press("/");
    const holding = (part) =>
      merged().filter(({ path }) => path.split("/").at(-1).toLowerCase().includes(part));
    await page.keyboard.type("berl", { delay: 5 });
    const found = holding("berl");
    await said(`${found.length} of 2,958 entries`);
    const shown = await names();
    for (const { path } of found) assert.ok(shown.includes(path.split("/").at(-1)), path);
    assert.ok(shown.length > found.length && shown[0] === "usr", "with the folders that they are in");
    assert.deepEqual(
      await page.locator("mark").evaluateAll((marks) => [...new Set(marks.map((mark) => mark.textContent))]),
      ["Berl"],
    );
    await page.keyboard.press("Enter");
    assert.equal(address(), `/${found[0].path}`);
    await filter().focus();
    await page.keyboard.press("Escape");
    await page.getByRole("treeitem", { name: "Belgrade file" }).waitFor();
    assert.equal(await filter().inputValue(), "");
    assert.equal(await page.locator("mark").count(), 0);
    await page.getByRole("treeitem", { name: "Berlin file", selected: true }).waitFor();
    // Enter goes to the first match also where it is not known yet.
    await filter().evaluate((input) => {
      const box = /** @type {HTMLInputElement} */ (input);
      box.value = "mksh.1";
      box.dispatchEvent(new Event("input", { bubbles: true }));
      box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    });
    const [manual] = holding("mksh.1");
    await page.getByRole("treeitem", { name: "mksh.1", selected: true }).waitFor();
    assert.equal(address(), `/${manual.path}`);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelectorAll("mark").length === 0);
    await filter().fill("*.crt");
    const certificates = merged().filter(({ path }) => path.endsWith(".crt"));
    await said(`${certificates.length} of 2,958 entries`);
    await filter().fill("no-such-name");
    await said("0 of 2,958 entries");
    await page.getByText("Nothing matches.").waitFor();
    await filter().fill("");
    await page.keyboard.press("ArrowDown");
    assert.ok(await tree().evaluate((list) => list === document.activeElement), "Down goes to the tree");
  });
  const said = (text) =>
    page.waitForFunction((text) => document.querySelector(".tree-said")?.textContent === text, text);

  test("names that want to deceive are shown as they are, and found by their address", async () => {
    await open("/odd", "names:latest");
    const shown = NAMES.map(([, name]) => name).toSorted();
    await page.getByRole("treeitem").nth(NAMES.length).waitFor();
    assert.deepEqual((await names()).slice(1).toSorted(), shown);
    for (const [name, text] of NAMES) {
      await page
        .getByRole("treeitem", { name: `${text} file`, exact: false })
        .first()
        .click();
      assert.equal(new URL(page.url()).hash.split("/-/")[1], `odd/${percent(Buffer.from(name))}`);
    }
    assert.deepEqual(
      site.messages.filter((it) => it.startsWith("error: ") && !it.includes("404")),
      [],
    );
    await open("/opt/odd/latin1-%E9%FF.txt");
    const row = page.getByRole("treeitem", { name: "latin1-‹E9›‹FF›.txt", selected: true });
    await row.waitFor();
    await page.getByRole("treeitem", { name: "lïnk→ link" }).waitFor({ state: "attached" });
  });

  test("a layer alone shows what it removes", async () => {
    await open("/");
    const digest = await layerDigest(2);
    await open(`/?layer=${digest}`);
    await page.getByRole("button", { name: "Open all folders" }).click();
    const removed = layers()[2]
      // A later entry of the layer makes a file of that folder.
      .filter(({ path }) => !path.startsWith("opt/turns-into-file/"))
      .map(({ path }) => path.split("/").at(-1))
      .filter((name) => name.startsWith(".wh."));
    await tree().focus();
    const notes = new Set();
    for (const [path] of await allRows()) notes.add(path.split("/").at(-1));
    for (const name of removed) assert.ok(notes.has(name), name);
    await filter().fill(".wh.");
    await page.getByRole("treeitem", { name: "whiteout removed by this layer" }).first().waitFor();
    await page.getByRole("link", { name: "Whole image" }).click();
    await page.getByRole("treeitem", { name: "app folder" }).waitFor();
  });
  const layerDigest = async (index) => {
    const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
    const get = async (what) =>
      (await fetch(`http://${registry.host}/v2/demo/manifests/${what}`, { headers: { accept } })).json();
    const top = await get("latest-soci");
    const image = top.layers ? top : await get(top.manifests[0].digest);
    return image.layers[index].digest;
  };

  test("on a phone: one pane at a time with a way back, name and size", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open("/usr/share/zoneinfo/Europe/Berlin");
    await page.locator(".files-back").waitFor();
    assert.equal(await tree().isVisible(), false);
    await page.getByRole("link", { name: "Files" }).last().click();
    await tree().waitFor();
    assert.equal(address(), "/usr/share/zoneinfo/Europe");
    assert.ok((await names()).includes("Berlin"), "the file is still in sight");
    const [first] = await rows();
    assert.deepEqual(Object.keys(first.cells), ["size"]);
    await page.getByRole("button", { name: "Sort by modified" }).click();
    assert.deepEqual(Object.keys((await rows())[0].cells), ["mtime"]);
    await page.getByRole("button", { name: "Sort by name" }).click();
    await page.getByRole("treeitem", { name: "Brussels file" }).click();
    assert.equal(await tree().isVisible(), false);
    await page.goBack();
    await tree().waitFor();
    assert.ok((await names()).includes("Brussels"), "back finds the tree as it was");
    await page.getByRole("button", { name: "Details" }).click();
    assert.equal(await tree().isVisible(), false);
    await page.getByRole("button", { name: "Files" }).click();
    await tree().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  });

  test("the line between tree and file is moved by keys and kept", async () => {
    await open("/");
    const line = page.getByRole("separator", { name: "Width of the tree" });
    const before = (await tree().boundingBox()).width;
    await line.press("ArrowRight");
    assert.ok((await tree().boundingBox()).width > before);
    await line.press("Home");
    assert.equal(await line.getAttribute("aria-valuenow"), "20");
    const narrow = (await tree().boundingBox()).width;
    await open("/etc");
    assert.equal((await tree().boundingBox()).width, narrow);
    await line.dblclick();
  });
});

const percent = (bytes) =>
  Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9\-._~/]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");

/** How names of the demo are shown that do not show themselves. */
function shownName({ path_b64: raw }) {
  return (name) => {
    if (raw && name.includes("\uFFFD")) return "latin1-‹E9›‹FF›.txt";
    return name.replace(/^ +| +$/g, "‹U+0020›").replaceAll("\n", "‹U+000A›");
  };
}

/** Bytes of content below each folder; files with several names count once. */
function sizesOfFolders(lines) {
  const sizes = new Map();
  const seen = new Set();
  for (const { path, type, size, layer_index: layer, inode_of: inode } of lines) {
    if (type !== "reg") continue;
    const file = `${layer}:${inode ?? path}`;
    if (seen.has(file)) continue;
    seen.add(file);
    const names = path.split("/");
    for (let i = 1; i < names.length; i++) {
      const folder = names.slice(0, i).join("/");
      sizes.set(folder, (sizes.get(folder) ?? 0) + size);
    }
  }
  return sizes;
}

function bytes(count) {
  let value = count;
  let unit = 0;
  for (; value >= 999.5; unit++) value /= 1000;
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${["B", "kB", "MB"][unit]}`;
}

function permissions(mode) {
  const text = Array.from("rwxrwxrwx", (letter, i) => (mode & (0o400 >> i) ? letter : "-"));
  for (const [bit, at, letter] of [
    [0o4000, 2, "s"],
    [0o2000, 5, "s"],
    [0o1000, 8, "t"],
  ]) {
    const place = Number(at);
    if (mode & Number(bit)) text[place] = text[place] === "x" ? `${letter}` : `${letter}`.toUpperCase();
  }
  return text.join("");
}

function time(ns) {
  const ms = Number(BigInt.asIntN(64, BigInt(ns)) / 1_000_000n) - (BigInt(ns) < 0n ? 1 : 0);
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
