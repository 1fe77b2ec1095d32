// The page from its hosts: the worker and a plain static server; its first view's size, and what it saves.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { run } from "../../scripts/lib/run.mjs";
import { PAGE_HEADERS } from "../../web/page-policy.ts";
import { merged } from "../lib/expected.mjs";
import { PAGE, startPage } from "../lib/page.mjs";
import { tempFolder } from "../lib/processes.mjs";

let site;
before(async () => {
  site = await startPage();
});
after(() => site?.stop());

test("the worker gives the page to browsers and text to curl, its parts for ever", async () => {
  const html = await fetch(site.url, { headers: { accept: "text/html" } });
  assert.match(html.headers.get("content-type"), /^text\/html/);
  const part = /-\/www\/[\w-]+\.js/.exec(await html.text())[0];
  const script = await fetch(`${site.url}${part}`);
  assert.match(script.headers.get("cache-control"), /immutable/);
  for (const { headers } of [html, script]) {
    for (const name of ["content-security-policy", "x-content-type-options"]) {
      assert.equal(headers.get(name), PAGE_HEADERS[name], name);
    }
  }
  const text = await fetch(site.url, { headers: { accept: "*/*" } });
  assert.match(await text.text(), /^ocipeek: every file/);
  const config = await (await fetch(`${site.url}-/config.json`)).json();
  assert.equal(config.proxy, true);
});

test("a file saved by the page equals the image's", async () => {
  const entry = merged().find(({ path }) => path === "usr/lib/os-release");
  await site.page.goto(
    `${site.url}#/${site.host}/demo:latest-soci/-/usr/lib/os-release?platform=linux/amd64`,
  );
  const [download] = await Promise.all([
    site.page.waitForEvent("download"),
    site.page.getByRole("button", { name: "Download", exact: true }).click(),
  ]);
  const data = readFileSync(await download.path());
  assert.equal(createHash("sha256").update(data).digest("hex"), entry.sha256.replace("sha256:", ""));
});

test("a folder is saved as a tar: what GNU tar unpacks equals the image's, and it went by the service worker", async () => {
  const folder = "usr/share/zoneinfo/Europe";
  await site.page.goto("about:blank");
  await site.page.goto(`${site.url}#/${site.host}/demo:latest-soci/-/${folder}?platform=linux/amd64`);
  const [download] = await Promise.all([
    site.page.waitForEvent("download"),
    site.page.getByRole("button", { name: "Download tar" }).click(),
  ]);
  assert.match(download.url(), /\/-\/www\//, "not a blob: nothing was kept in memory");
  assert.equal(download.suggestedFilename(), "Europe.tar");
  const temp = tempFolder("saved");
  try {
    await run("tar", ["-xf", await download.path(), "-C", temp.path, "--no-same-owner"]);
    const below = merged().filter(({ path, type }) => path.startsWith(`${folder}/`) && type === "reg");
    assert.ok(below.length > 20, `${below.length} files`);
    for (const { path, sha256 } of below) {
      const data = readFileSync(join(temp.path, path.slice(folder.length + 1)));
      assert.equal(createHash("sha256").update(data).digest("hex"), sha256.replace("sha256:", ""), path);
    }
  } finally {
    temp.remove();
  }
});

test("from a static host below a path, registries that allow it are read directly", async () => {
  const other = await startPage({ registry: { host: site.host }, static: "/sub/path/" });
  try {
    const asked = [];
    other.page.context().on("request", (request) => asked.push(new URL(request.url())));
    await other.page.goto(
      `${other.url}#/${site.host}/demo:latest-soci/-/usr/lib/os-release?platform=linux/amd64`,
    );
    await other.page.getByText("PRETTY_NAME").first().waitFor();
    const own = new URL(other.url);
    const hosts = new Set(asked.map((it) => it.host));
    assert.deepEqual(hosts, new Set([own.host, site.host]), "nobody else is asked");
    for (const { host, pathname } of asked) {
      assert.ok(host !== own.host || pathname.startsWith("/sub/path/"), pathname);
      assert.ok(!pathname.includes("/-/v2/"), pathname);
    }
  } finally {
    await other.stop();
  }
});

test("the first view asks for the page, its scripts and style, and what the host offers; for nothing else", async () => {
  const fresh = await startPage({ registry: { host: site.host } });
  try {
    const asked = [];
    fresh.page.context().on("request", (request) => asked.push(new URL(request.url()).pathname));
    await fresh.page.goto(fresh.url);
    await fresh.page.getByRole("combobox", { name: "Image" }).waitFor();
    await fresh.page.waitForLoadState("networkidle");
    const kinds = asked.map((it) => it.replace(/-[\w-]{8}\./, ".").replace("/-/www/", ""));
    assert.deepEqual(kinds.sort(), [
      "/",
      "/-/config.json",
      "/icon.svg",
      "engine.js",
      "index.css",
      "index.js",
      "worker.js",
    ]);
  } finally {
    await fresh.stop();
  }
});

test("the first view's JavaScript is below 120 KB", () => {
  const folder = join(PAGE, "-", "www");
  const found = new Set(
    [...readFileSync(join(PAGE, "index.html"), "utf8").matchAll(/-\/www\/([\w-]+\.js)/g)].map((m) => m[1]),
  );
  for (const name of readdirSync(folder)) if (/^worker-[\w-]+\.js$/.test(name)) found.add(name);
  for (const name of found) {
    const code = readFileSync(join(folder, name), "utf8");
    for (const [, other] of code.matchAll(/(?:from|import)\s*["']\.\/([\w-]+\.js)["']/g)) found.add(other);
  }
  const size = [...found].reduce(
    (sum, n) => sum + brotliCompressSync(readFileSync(join(folder, n))).length,
    0,
  );
  console.log(`size: page ${size} bytes of JavaScript (brotli) in ${found.size} files`);
  assert.ok(found.size > 1 && size < 120_000, String(size));
});

test("no part of the page imports a worker's entry, which WebKit would run once more", () => {
  const folder = join(PAGE, "-", "www");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const importing = scripts.filter((name) =>
    /(?:from|import)[\s(]*["'`]\.\/worker-/.test(readFileSync(join(folder, name), "utf8")),
  );
  assert.deepEqual(importing, []);
});
