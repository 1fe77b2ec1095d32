// Layers and comparisons in the page: what each layer does and wastes, as a list and as a coloured tree; two images with
// what differs, down to the lines of a text and the variables of the configs.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { violations } from "../lib/axe.mjs";
import { pushCompareImages, V2 } from "../lib/compare-images.mjs";
import { layers as expectedLayers } from "../lib/expected.mjs";
import { layerTallies } from "../lib/layer-tallies.mjs";
import { startPage } from "../lib/page.mjs";

let parts;
let page;
before(async () => {
  parts = await startPage();
  page = parts.page;
  await pushCompareImages(parts.host);
});
after(() => parts?.stop());
beforeEach(async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
});

const go = async (hash) => {
  await page.goto("about:blank");
  await page.goto(`${parts.url}#/${parts.host}/${hash}`);
};
const hash = () => decodeURIComponent(new URL(page.url()).hash);
/** The row `name, kind, mark`, as its content names it; other facts may stand between. */
const row = (text) => {
  const [name, ...rest] = text
    .split(/, (?!contents)/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return page.getByRole("treeitem", { name: new RegExp(`^${[name, ...rest].join("\\b.*(?<!\\w)")}(?!\\w)`) });
};
const detail = (page) => page.locator(".layers-detail");

/** Numbers without what makes them readable. */
const numbers = (text) =>
  Object.fromEntries(
    [...text.matchAll(/([+~−])([\d,]+)/g)].map(([, sign, n]) => [sign, Number(n.replaceAll(",", ""))]),
  );

describe("layers", () => {
  test("the stack says of each layer its size, how it is read, and what it adds, changes and removes", async () => {
    await go("demo:latest-soci/-/?view=layers");
    const links = page.getByRole("navigation", { name: "Layers" }).getByRole("link");
    await page.locator(".stack .tallies").nth(5).waitFor();
    assert.equal(await links.count(), 6);
    const tallies = layerTallies();
    for (const [index, { added, changed, removed }] of tallies.entries()) {
      const text = await links.nth(index).innerText();
      assert.match(text, /SOCI v2/);
      const wanted = Object.entries({ "+": added.files, "~": changed.files, "−": removed.files });
      assert.deepEqual(
        numbers(text),
        Object.fromEntries(wanted.filter(([, files]) => files > 0)),
        `layer ${index}`,
      );
    }
  });

  test("what all layers waste, the largest first", async () => {
    await go("demo:latest-soci/-/?view=layers");
    const first = page.getByRole("table", { name: "Largest waste" }).getByRole("row").nth(1);
    assert.match(await first.innerText(), /^\/etc\/ssl\/certs\/ca-certificates\.crt\s+once\s+222 kB$/);
    assert.match(await detail(page).innerText(), /In sight\s+10\.5 MB \(95\.2 %\)/);
  });

  test("one layer is a tree in the colours of what it does; what it removes can be read as it was", async () => {
    // Rows out of sight are not there.
    await page.setViewportSize({ width: 1280, height: 1400 });
    await go("demo:latest-soci/-/?view=layers");
    const { layer } = expectedLayers()[2][0];
    await page.getByRole("navigation", { name: "Layers" }).getByRole("link").nth(2).click();
    await row("services.hard, file, removed").waitFor();
    assert.ok(hash().includes(`layer=${layer}`));
    await row("os-release, file, changed").waitFor();
    await row("k2, file, changed").waitFor();
    // Only what it does is there.
    assert.equal(await row("ca-certificates").count(), 0);
    await row("hard-1, file, removed").click();
    assert.match(await page.locator(".layer-selected").innerText(), /\/opt\/odd\/hard-1\s+removed/);
    await page.getByRole("link", { name: "View as it was" }).click();
    await page.getByRole("tree", { name: "Files" }).waitFor();
    assert.ok(hash().includes(`/opt/odd/hard-1?layer=${expectedLayers()[1][0].layer}`), hash());
    await page.goBack();
    await row("hard-1, file, removed").waitFor();
    await page.goBack();
    await page.goBack();
    await page.getByRole("table", { name: "Largest waste" }).waitFor();
  });

  test("whiteouts are seen on demand", async () => {
    const { layer } = expectedLayers()[3][0];
    await go(`demo:latest-soci/-/usr/share/ca-certificates?view=layers&layer=${layer}`);
    await row("mozilla, folder, removed").waitFor();
    assert.equal(await row(".wh..wh..opq").count(), 0);
    await page.getByRole("radio", { name: "Raw entries" }).check();
    await row(".wh..wh..opq, opaque mark").waitFor();
    assert.ok(hash().includes("show=entries"));
    await page.goBack();
    await row("mozilla, folder, removed").waitFor();
  });

  test("commands come from the history, steps without a layer stand between", async () => {
    await go("compare:v1/-/?view=layers");
    await page.getByText("RUN make install").first().waitFor();
    const lines = await page.locator(".stack li bdi").allInnerTexts();
    assert.deepEqual(lines, ["ADD file:0123 in /", 'ENV VERSION="1"', "RUN make install"]);
  });
});

describe("a comparison", () => {
  const V = (rest = "") => `compare:v1/-${rest || "/"}?view=compare&with=${parts.host}/compare:v2`;

  test("another tag is chosen from the list, and the tree shows what differs", async () => {
    await go("compare:v1/-/");
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Compare" }).click();
    await page.getByRole("link", { name: "v2", exact: true }).click();
    await row("new.txt, file, added").waitFor();
    for (const name of [
      "alike, file, same attributes, contents not compared",
      "data.bin, file, changed",
      "gone.txt, file, removed",
      "long.txt, file, changed",
      "protocols, file, removed",
      "same, file, same attributes, contents not compared",
      "settings.conf, file, changed",
      "turns, file, removed",
      "turns, folder, added",
    ]) {
      assert.equal(await row(name).count(), 1, name);
    }
    assert.equal(await row("os-release").count(), 0);
    const said = await page.getByRole("region", { name: "Summary" }).innerText();
    assert.match(said, /Added\s+2 files, 32 B/);
    assert.match(said, /Removed\s+3 files/);
    assert.match(said, /Layers\s+1 of 2 in both images/);
  });

  test("a text's lines, side by side and unified; all in the address", async () => {
    await go(V());
    await row("settings.conf, file, changed").click();
    const table = page.getByRole("table", { name: "Difference of the texts" });
    await table.waitFor();
    assert.ok(hash().includes("/-/app/settings.conf?view=compare&with="));
    const rows = async () =>
      (await table.getByRole("row").allInnerTexts()).map((text) => text.trim().split(/\s*\t\s*/));
    assert.deepEqual(await rows(), [
      ["1", "# Settings", "1", "# Settings"],
      ["2", "−", "port = 8080", "2", "+", "port = 9090"],
      ["3", "name = demo", "3", "name = demo"],
      ["4", "level = info", "4", "level = info"],
      ["5", "+", "colour = yes"],
    ]);
    assert.deepEqual(await table.locator("mark").allInnerTexts(), ["8080", "9090"]);
    await page.getByRole("radio", { name: "Unified" }).check();
    await page.waitForFunction(() => document.querySelectorAll(".diff tr").length === 6);
    assert.deepEqual((await rows())[2], ["2", "+", "port = 9090"]);
    await row("long.txt, file, changed").click();
    await page.getByText("line 250, changed").waitFor();
    assert.equal(await page.getByText("line 100", { exact: true }).count(), 0);
    await page.getByRole("button", { name: "All lines" }).click();
    await page.getByText("line 100", { exact: true }).waitFor();
    await page.goBack();
    await page.getByText("colour = yes").waitFor();
    await page.reload();
    await page.getByText("colour = yes").waitFor();
  });

  test("what is no text is told by its first difference; the file itself is one click away", async () => {
    await go(V("/app/data.bin"));
    await page.getByText("the first difference is at byte 6").waitFor();
    await page.getByRole("link", { name: "View new" }).click();
    await page.getByRole("tree", { name: "Files" }).waitFor();
    assert.equal(hash(), `#/${parts.host}/compare:v2/-/app/data.bin`);
  });

  test("contents are compared when asked to, with the cost said before", async () => {
    await go(V());
    await page.getByText("32 B of content on either side").waitFor();
    await page.getByRole("button", { name: "Compare contents" }).click();
    await row("alike, file, changed").waitFor();
    assert.equal(await row("same, file").count(), 0);
    assert.match(await page.getByRole("region", { name: "Summary" }).innerText(), /Changed\s+4 files/);
  });

  test("configs: variables, command and labels of both", async () => {
    await go(V());
    const table = page.getByRole("table", { name: "Config" });
    await table.waitFor();
    const rows = (await table.getByRole("row").allInnerTexts()).map((text) =>
      text.split("\t").map((cell) => cell.trim()),
    );
    assert.deepEqual(rows.slice(1), [
      ["Created", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"],
      ["Cmd", '["/app/run"]', '["/app/run","--fast"]'],
      ["Env DEBUG", "", "(empty)"],
      ["Env VERSION", "1", "2"],
      ["Label org.opencontainers.image.version", "1", "2"],
    ]);
  });

  test("exchanged, what was added is removed", async () => {
    await go(V());
    await row("new.txt, file, added").waitFor();
    await page.getByRole("link", { name: "Exchange the images" }).click();
    await row("new.txt, file, removed").waitFor();
    await row("gone.txt, file, added").waitFor();
    assert.ok(
      hash().startsWith(`#/${parts.host}/compare:v2/-/?view=compare&with=${parts.host}/compare:v1`),
      hash(),
    );
    await page.goBack();
    await row("new.txt, file, added").waitFor();
  });

  test("what the other image failed with is said in its place", async () => {
    await go(`compare:v1/-/?view=compare&with=${parts.host}/compare:none`);
    await page.getByText("No such image").waitFor();
    await page.getByRole("link", { name: "Change …" }).click();
    await page.getByLabel("Another image").fill(`docker pull ${parts.host}/compare:v2`);
    await page.getByRole("button", { name: "Compare" }).click();
    await row("new.txt, file, added").waitFor();
  });

  test("on a phone: the tree, then the text in one column, nothing too wide; axe finds nothing", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await go(V());
    await row("settings.conf, file, changed").click();
    const table = page.getByRole("table", { name: "Difference of the texts" });
    await table.waitFor();
    assert.equal(await table.getByRole("row").count(), 6);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("link", { name: "Summary" }).click();
    await row("settings.conf, file, changed").waitFor();
    assert.deepEqual(await violations(page), []);
  });

  test("the contents shown are those of the images", async () => {
    const [, text] = V2.find(([name]) => name === "app/new.txt");
    await go(V("/app/new.txt"));
    await page.getByText(text.toString().trim()).waitFor();
  });
});
