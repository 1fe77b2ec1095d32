// The page's view of a file: what is shown equals what the image holds, nothing of it runs, and little is fetched.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { ocipeek } from "../lib/cli.mjs";
import { pushLayout, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { filesOfEachKind, JSON_TEXT, LARGE_LINES, writeKindsLayout } from "../lib/file-images.mjs";
import { startPage } from "../lib/page.mjs";
import { tempFolder } from "../lib/processes.mjs";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

let registry;
let site;
let page;
const folder = tempFolder("file-images");
/** What the page asked of a host that its files name. */
const elsewhere = [];
/** What the demo image holds, by path. */
const demo = new Map(merged().map((entry) => [`/${entry.path}`, entry]));

before(async () => {
  registry = await startDemoRegistry();
  await writeKindsLayout(folder.path);
  await pushLayout(registry.host, folder.path, "kinds");
  site = await startPage({ registry });
  page = site.page;
  // What the page's policy refuses does not come so far.
  await page.context().route(/elsewhere\.example/, (route) => {
    elsewhere.push(route.request().url());
    return route.abort();
  });
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
});

after(async () => {
  await site?.stop();
  await registry?.stop();
  folder.remove();
});

/** Opens a path of the demo image, or of the one with a file of each kind. */
const openDemo = (path) => page.goto(`${site.url}#/${registry.host}/${REPOSITORY}:latest-soci/-${path}`);
const openKind = (name) => page.goto(`${site.url}#/${registry.host}/kinds:latest/-/${name}`);
const tab = (name) => page.getByRole("tab", { name, exact: true }).click();
const copied = () => page.evaluate(() => navigator.clipboard.readText());
const fact = (name) =>
  page.locator(".key-value > div", { has: page.getByText(name, { exact: true }) }).locator("dd");
/** Waits until rows have a text, and gives what is in sight. */
async function textWith(expected) {
  await page.locator(".text-line", { hasText: expected }).first().waitFor();
  return (await page.locator(".text-line").allTextContents()).join("");
}

test("a text is shown as the image has it, with colours and line numbers", async () => {
  await openDemo("/etc/skel/.mkshrc");
  const shown = await textWith("mksh");
  assert.equal(sha256(shown), demo.get("/etc/skel/.mkshrc").sha256);
  await page.locator(".code-comment").first().waitFor();
  assert.equal(
    await page.locator("a.text-number").last().textContent(),
    String(shown.split("\n").length - 1),
  );
  // Colours change nothing of the text.
  assert.equal((await page.locator(".text-line").allTextContents()).join(""), shown);
});

test("a click on a number marks the line in the address, with Shift up to another one", async () => {
  await openDemo("/etc/services");
  await page.locator("[data-line='3']").click();
  assert.match(page.url(), /\?lines=3$/);
  await page.locator("[data-line='6']").click({ modifiers: ["Shift"] });
  assert.match(page.url(), /\?lines=3-6$/);
  assert.equal(await page.locator(".text-marked").count(), 4);
  await page.getByRole("button", { name: "Copy link to this file" }).click();
  const link = await copied();
  assert.match(link, /demo@sha256:[0-9a-f]{64}\/-\/etc\/services\?.*lines=3-6$/);
  // The link opens the same lines, in view.
  await page.goto("about:blank");
  await page.goto(link.replace("lines=3-6", "lines=90-92"));
  await page.locator(".text-marked").first().waitFor();
  assert.ok(await page.locator("[data-line='91']").isVisible());
  assert.deepEqual(await page.locator(".text-marked > .text-number").allTextContents(), ["90", "91", "92"]);
});

test("lines are marked by keyboard, too", async () => {
  await openDemo("/etc/services");
  const field = page.getByRole("textbox", { name: /Go to line/ });
  await field.fill("40-42");
  await field.press("Enter");
  await page.locator("[data-line='42']").waitFor();
  assert.match(page.url(), /\?lines=40-42$/);
  assert.equal(await page.locator(".text-marked").count(), 3);
});

test("a large text begins at once, and goes on as one scrolls", async () => {
  const size = filesOfEachKind()["large.log"].length;
  await openKind("large.log");
  await textWith("00000001 a line");
  assert.match(await page.locator(".file-bar-facts").textContent(), /so far/);
  // A line far below: what is up to it is read, and it is in view.
  const field = page.getByRole("textbox", { name: /Go to line/ });
  await field.fill(String(LARGE_LINES - 5));
  await field.press("Enter");
  await page.locator(`[data-line='${LARGE_LINES - 5}']`).waitFor();
  await page.getByText(`${LARGE_LINES.toLocaleString("en-US")} lines · UTF-8`).waitFor();
  await page.getByRole("button", { name: "Copy text" }).click();
  await page.getByText("Copied").first().waitFor();
  const text = await copied();
  assert.equal(text.length, size);
  assert.equal(sha256(text), sha256(filesOfEachKind()["large.log"]));
  // Of so many lines few are in the document.
  assert.ok((await page.locator(".text-row").count()) < 500);
});

test("very long lines, other encodings, names of methods", async () => {
  await openKind("long-line.js");
  await textWith("const data");
  // The line goes on in further rows, and is all there.
  const facts = await page.locator(".file-bar-facts").textContent();
  assert.match(facts, /^2 lines/);
  await openKind("utf16.txt");
  assert.match(await textWith("grüße"), /^grüße\nzeile 2\n$/);
  assert.match(await page.locator(".file-bar-facts").textContent(), /UTF-16 LE · CRLF/);
  await openKind("latin1.txt");
  assert.equal(await textWith("café"), "café au lait\n");
  await openKind("constructor");
  await textWith("named as a method");
  await page.locator(".code-comment").first().waitFor();
});

test("what turns the direction of a source is seen", async () => {
  await openKind("bidi.txt");
  await page.locator(".text-row").first().waitFor();
  assert.deepEqual(await page.locator(".code-hidden").allTextContents(), [
    "U+202E",
    "U+2066",
    "U+2069",
    "U+2066",
  ]);
});

test("JSON is folded, and no number or key is lost", async () => {
  await openKind("big.json");
  await page.locator(".json-row").first().waitFor();
  const rows = await page.locator(".json-row").allTextContents();
  assert.ok(rows.includes('"big": 12345678901234567890,'));
  assert.ok(rows.includes('"exact": 3.14000,'));
  assert.deepEqual(
    rows.filter((row) => row.startsWith('"twice"')),
    ['"twice": 1,', '"twice": 2,'],
  );
  await page.getByRole("button", { name: "Close all", exact: true }).click();
  assert.equal(await page.locator(".json-row").count(), 7);
  await page.getByRole("button", { name: '"nested", 2 keys' }).click();
  await page.getByRole("button", { name: '"list", 4 items' }).press("Enter");
  await page
    .locator(".json-row", { hasText: "3 items" })
    .or(page.locator(".json-row", { hasText: "1 keys" }))
    .first()
    .waitFor();
  assert.ok((await page.locator(".json-row").allTextContents()).includes('"a\\u0062",'));
  await tab("Text");
  assert.equal(await textWith("big"), JSON_TEXT);
  await openKind("broken.json");
  await page.getByText("It is no JSON from line 3 on").waitFor();
});

test("pictures are drawn; an SVG runs nothing and fetches nothing", async () => {
  const drawn = () =>
    page.waitForFunction(() => {
      const it = document.querySelector(".picture > img");
      return (
        it instanceof HTMLImageElement && it.naturalWidth > 0 && `${it.naturalWidth}×${it.naturalHeight}`
      );
    });
  await openKind("picture.png");
  assert.equal(await (await drawn()).jsonValue(), "30×20");
  await page.getByText("30 × 20 pixels").waitFor();
  await openKind("picture.svg");
  assert.equal(await (await drawn()).jsonValue(), "40×30");
  await tab("Text");
  assert.match(await textWith("<svg"), /<script>document.title = 'owned'<\/script>/);
  await assertHarmless();
});

test("Markdown is rendered without what it smuggles", async () => {
  await openKind("README.md");
  const shown = page.locator("article.document");
  await shown.getByRole("heading", { name: "Hostile" }).waitFor();
  const bad =
    "script, iframe, form, input, button, style, svg, math, img, [style], [onclick], [onerror], [id], [class]:not(.document-picture)";
  assert.equal(await shown.locator(bad).count(), 0);
  const links = await shown
    .locator("a")
    .evaluateAll((all) =>
      all.map((a) => [
        a.textContent,
        a.getAttribute("href"),
        a.getAttribute("rel"),
        a.getAttribute("target"),
      ]),
    );
  const inImage = `#/${registry.host}/kinds:latest/-`;
  assert.deepEqual(links, [
    ["web link", "https://elsewhere.example/page", "noopener noreferrer nofollow", "_blank"],
    ["file", `${inImage}/docs/other.md`, null, null],
    ["above", `${inImage}/top.txt`, null, null],
    ["script", null, null, null],
    ["data", null, null, null],
  ]);
  await shown.getByText("a badge").waitFor();
  await shown.getByRole("link", { name: "file" }).click();
  await page.locator("article.document").getByRole("heading", { name: "Other" }).waitFor();
  await page.goBack();
  await shown.getByRole("heading", { name: "Hostile" }).waitFor();
  await tab("Text");
  await textWith("<script>document.title");
  await assertHarmless();
});

test("an HTML file is a text; its page is in a frame in which nothing runs", async () => {
  await openKind("page.html");
  await textWith("http-equiv");
  await tab("Page");
  const heading = page.frameLocator(".page-frame").locator("h1");
  await heading.waitFor();
  assert.equal(await heading.textContent(), "A page");
  assert.equal(await page.locator(".page-frame").getAttribute("sandbox"), "");
  await assertHarmless();
});

test("programs, certificates and databases are told with their facts", async () => {
  await openDemo("/bin/toybox");
  await page.getByRole("heading", { name: "ELF 64-bit PIE executable, x86-64" }).waitFor();
  assert.equal(await fact("Interpreter").textContent(), "/lib64/ld-linux-x86-64.so.2");
  assert.deepEqual(await page.locator(".about-list li").allTextContents(), [
    "libcrypt.so.1",
    "libm.so.6",
    "libc.so.6",
  ]);
  for (const name of ["server.pem", "server.der"]) {
    await openKind(name);
    await page.getByRole("heading", { name: /^X\.509 certificate/ }).waitFor();
    assert.equal(await fact("Subject").textContent(), "C=DE, O=Exämple Works, CN=files.example");
    assert.equal(await fact("Valid until").textContent(), "2126-10-31 08:20:19 UTC");
  }
  await openKind("roots.pem");
  await page.getByRole("heading", { name: "2 X.509 certificates (PEM)" }).waitFor();
  assert.equal(await fact("CN=Example Root 2").textContent(), "until 2081-08-27");
  await openKind("app.db");
  await page.getByRole("heading", { name: "SQLite 3 database" }).waitFor();
  assert.equal(await fact("User version").textContent(), "7");
  assert.equal(await page.locator(".about-list li", { hasText: /^people$/ }).count(), 1);
});

test("attributes, capabilities and extended attributes are in words", async () => {
  await openDemo("/opt/odd/ping");
  await tab("About");
  assert.equal(await fact("security.capability").textContent(), "cap_net_raw=ep");
  assert.equal(await fact("Mode").textContent(), "rwxr-xr-x (0755)");
  await openDemo("/opt/odd/xattr-user");
  await tab("About");
  assert.equal(await fact("user.comment").textContent(), "hello world");
  assert.equal(await fact("user.binary").textContent(), "00 01 02 7f 80 ff 0a 3d 00");
  assert.equal(await fact("Content").textContent(), "each span that is read equals its digest in the zTOC");
  await openDemo("/opt/odd/loop0");
  assert.equal(await fact("Type").textContent(), "block device");
});

test("the hash is computed when it is asked for, and equals the fixture's", async () => {
  await openDemo("/opt/odd/random");
  await tab("About");
  await page.getByRole("button", { name: "Compute" }).click();
  await page.locator(".about-hash").waitFor();
  assert.equal(await page.locator(".about-hash").textContent(), demo.get("/opt/odd/random").sha256);
});

test("links and folders say where they lead and what they hold", async () => {
  await openDemo("/etc/localtime");
  const target = page.locator(".folder-summary a");
  await target.waitFor();
  assert.equal(await target.textContent(), "/usr/share/zoneinfo/Europe/Berlin");
  await openDemo("/opt/odd/loop-a");
  await page.getByText("It leads in a circle").waitFor();
  await openDemo("/app/node_modules/htm");
  await page.locator("article.document").getByText("Hyperscript Tagged Markup").first().waitFor();
  const below = [...demo.values()].filter(({ path }) => path.startsWith("app/node_modules/htm/"));
  const files = below.filter(({ type }) => type === "reg");
  const summary = await page.locator(".folder-summary > p").textContent();
  assert.match(
    summary,
    new RegExp(`^8 items, ${below.length} items with all below · ${files.length} files · `),
  );
});

test("the commands beside a file give the same bytes", async () => {
  await openDemo("/etc/mkshrc");
  await tab("About");
  const curl = await page.locator(".command code").nth(1).textContent();
  const url = /^curl (http\S+)$/.exec(curl)[1];
  assert.match(url, /@sha256:[0-9a-f]{64}\/-\/etc\/mkshrc$/);
  const answer = await fetch(url);
  assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), demo.get("/etc/mkshrc").sha256);
  await page.getByRole("button", { name: "Copy ocipeek command" }).click();
  const command = await copied();
  assert.match(command, /^npx ocipeek cat \S+@sha256:[0-9a-f]{64} \/etc\/mkshrc$/);
  const { stdout } = await ocipeek(command.split(" ").slice(2));
  assert.equal(sha256(stdout), demo.get("/etc/mkshrc").sha256);
});

test("what failed is told in its place, and is tried again there", async () => {
  await page.goto("about:blank");
  await openKind("docs/other.md");
  await page.locator("article.document").waitFor();
  const blobs = /\/(v2|-\/v2)\/.*\/blobs\//;
  await page.route(blobs, (route) => route.abort());
  await page.getByRole("treeitem", { name: /unseen\.txt/ }).click();
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).waitFor();
  // The tree is still there, and so is what is known of the file.
  assert.ok(await page.getByRole("treeitem", { name: /unseen\.txt/ }).isVisible());
  await page.unroute(blobs);
  await page.getByRole("button", { name: "Try again" }).click();
  await textWith("unseen 0");
});

async function assertHarmless() {
  assert.deepEqual(elsewhere, []);
  assert.notEqual(await page.title(), "owned");
  assert.deepEqual(
    site.messages.filter(
      (message) =>
        /^error: /.test(message) && !/elsewhere\.example|Content Security Policy|sandboxed/.test(message),
    ),
    [],
  );
}
