// Files out of an image, opened in headless Chromium from the worker's own URL: none of them runs.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { openBrowser } from "../lib/chromium.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { writeSyntheticLayout } from "../lib/synthetic-image.mjs";
import { startWorker } from "../lib/worker.mjs";

/** What each file does if it runs: it asks a server of ours for something. */
function files(beacon) {
  const call = (name) => `fetch("${beacon}/${name}",{mode:"no-cors"});new Image().src="${beacon}/${name}"`;
  const html = (name) =>
    `<!doctype html><title>${name}</title><body onload='${call(`${name}-onload`)}'><script>${call(name)}</script>` +
    `<img src="${beacon}/${name}-img"><meta http-equiv="refresh" content="0;url=${beacon}/${name}-refresh">`;
  const svg = (name) =>
    `<svg xmlns="http://www.w3.org/2000/svg" onload='${call(`${name}-onload`)}'><script>${call(name)}</script></svg>`;
  const xhtml = (name) =>
    `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>${call(name)}</script></html>`;
  const pdf = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.launchURL\\("${beacon}/pdf"\\))>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
trailer<</Root 1 0 R>>
%%EOF
`;
  return {
    "x.html": html("html"),
    "x.htm": html("htm"),
    "x.HTML": html("upper"),
    "x.xhtml": xhtml("xhtml"),
    "x.xml": xhtml("xml"),
    "x.svg": svg("svg"),
    "x.js": call("js"),
    "x.mjs": call("mjs"),
    "x.pdf": pdf,
    "x.css": `@import url("${beacon}/css-import");*{background:url("${beacon}/css")}`,
    "x.txt": html("txt"),
    "x.json": html("json"),
    "x.png": html("png"),
    noextension: html("noextension"),
    "index.html": html("index"),
    "<img src=x onerror=alert(1)>.html": html("name"),
  };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe("files of an image in Chromium", () => {
  let folder;
  let beacon;
  let called = [];
  let registry;
  let worker;
  let browser;
  let names;
  let base;
  let beaconUrl;
  let page = "";

  before(async () => {
    beacon = createServer((request, answer) => {
      if (request.url === "/page") {
        return void answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
      }
      if (request.url !== "/favicon.ico") called.push(request.url);
      answer.writeHead(200, { "access-control-allow-origin": "*" }).end();
    });
    beaconUrl = `http://127.0.0.1:${await listen(beacon)}`;
    folder = tempFolder("hostile");
    const all = Object.entries(files(beaconUrl)).map(([name, text]) => [`www/${name}`, Buffer.from(text)]);
    names = all.map(([name]) => name);
    await writeSyntheticLayout(folder.path, /** @type {[string, Buffer][]} */ (all));
    registry = await serveLayout({ dir: folder.path, repository: "hostile" });
    worker = await startWorker({ vars: { OCIPEEK_INSECURE_REGISTRIES: registry.host } });
    base = `${worker.url}/${registry.host}/hostile:latest/-`;
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await worker?.stop();
    await registry?.close();
    if (beacon) await closeServer(beacon);
    folder?.remove();
  });
  beforeEach(() => {
    called = [];
  });

  /** Opens a URL; says whether it was shown or became a download. */
  const visit = async (url) => {
    try {
      const answer = await browser.page.goto(url);
      await browser.page.waitForLoadState("load");
      return `shown ${answer.status()}`;
    } catch (error) {
      assert.match(error.message, /Download is starting|net::ERR_ABORTED/, url);
      return "download";
    }
  };
  const urlOf = (name) => `${base}/${name.split("/").map(encodeURIComponent).join("/")}`;

  test("the files do run from a server that knows no better", async () => {
    // Otherwise what follows would show nothing.
    page = files(beaconUrl)["x.html"];
    await visit(`${beaconUrl}/page`);
    await sleep(300);
    assert.ok(called.includes("/html"), called.join());
  });

  test("none runs when it is opened", async () => {
    const shown = {};
    for (const name of names) {
      shown[name.slice(4)] = await visit(urlOf(name));
      await sleep(100);
      assert.deepEqual(called, [], name);
    }
    await sleep(300);
    assert.deepEqual(called, []);
    const kept = Object.entries(shown).filter(([, how]) => how.startsWith("shown"));
    assert.deepEqual(
      kept.map(([name]) => name),
      ["x.txt", "x.json", "x.png"],
    );
  });

  test("none runs in a page of somebody else: frames, objects, scripts, styles, workers", async () => {
    const url = (name) => urlOf(`www/${name}`);
    page = `<!doctype html><title>other</title>
      ${names.map((name) => `<iframe src="${urlOf(name)}"></iframe><object data="${urlOf(name)}"></object><embed src="${urlOf(name)}">`).join("\n")}
      <script src="${url("x.js")}"></script><script type="module" src="${url("x.mjs")}"></script>
      <script src="${url("x.txt")}"></script><script src="${url("x.json")}"></script>
      <link rel="stylesheet" href="${url("x.css")}"><img src="${url("x.svg")}"><img src="${url("x.png")}">`;
    await visit(`${beaconUrl}/page`);
    await sleep(1500);
    assert.deepEqual(called, []);
  });

  test("a listing shows hostile names as text, and no script can be added to it", async () => {
    assert.equal(await visit(`${base}/www/?format=html`), "shown 200");
    assert.ok((await browser.page.textContent("body")).includes("<img src=x onerror=alert(1)>.html"));
    assert.equal(await browser.page.locator("img").count(), 0);
    const added = await browser.page.evaluate(async (src) => {
      const script = document.createElement("script");
      script.src = src;
      const result = new Promise((resolve) => {
        script.onload = () => resolve("loaded");
        script.onerror = () => resolve("refused");
      });
      document.head.append(script);
      return result;
    }, urlOf("www/x.js"));
    assert.equal(added, "refused");
    await sleep(200);
    assert.deepEqual(called, []);
  });

  test("none becomes a service worker of the worker's origin", async () => {
    await visit(`${worker.url}/`);
    const outcome = await browser.page.evaluate(async (src) => {
      try {
        await navigator.serviceWorker.register(src);
        return "registered";
      } catch (error) {
        return error.name;
      }
    }, urlOf("www/x.js"));
    assert.match(outcome, /SecurityError|TypeError|InvalidStateError/);
  });
});
