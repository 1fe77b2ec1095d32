// Headless Chromium on pages that the tests serve from loopback.
import { createReadStream, existsSync, renameSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium as playwright } from "playwright-core";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { chromium } from "../../scripts/lib/tools.mjs";
import { tempFolder } from "./processes.mjs";

/** Offline, quiet, and able to run as root. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/**
 * Serves folders and texts: `{ "/pkg/": "/a/folder", "/index.html": Buffer }`.
 * @param {Record<string, string | Buffer>} routes
 */
export async function serveStatic(routes) {
  const folders = Object.entries(routes)
    .filter(([, v]) => typeof v === "string")
    .map(([prefix, v]) => [prefix, String(v)]);
  const server = createServer((req, res) => {
    const path = decodeURIComponent(new URL(req.url, "http://x").pathname);
    const type = TYPES[extname(path)] ?? (path === "/" ? TYPES[".html"] : "application/octet-stream");
    const whole = routes[path];
    if (Buffer.isBuffer(whole)) return void res.writeHead(200, { "Content-Type": type }).end(whole);
    for (const [prefix, folder] of folders) {
      const below = path.startsWith(prefix) && normalize(`/${path.slice(prefix.length)}`);
      const file = below && join(folder, below === "/" ? "index.html" : below);
      if (file && existsSync(file) && statSync(file).isFile()) {
        res.writeHead(200, { "Content-Type": below === "/" ? TYPES[".html"] : type });
        return void createReadStream(file).pipe(res);
      }
    }
    res.writeHead(404).end();
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) };
}

/** A browser with one page; what the page logs and fails with is kept in `messages`. */
export async function openBrowser() {
  const executablePath = chromium();
  if (!executablePath) throw new Error("Chromium is missing: run `npm run setup -- --tests`");
  const profile = tempFolder("chromium");
  const context = await playwright.launchPersistentContext(profile.path, {
    executablePath,
    headless: true,
    args: FLAGS,
    chromiumSandbox: false,
  });
  const page = await context.newPage();
  const messages = [];
  page.on("console", (m) => messages.push(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => messages.push(`error: ${e.message}`));
  return {
    page,
    messages,
    close: async () => {
      await context.close();
      profile.remove();
    },
  };
}

/** {@link openBrowser} for a hand that works any browser. @returns {Promise<import("./browser-hand.mjs").Driver>} */
export async function openChromium() {
  const { page, messages, close } = await openBrowser();
  const downloads = tempFolder("chromium-downloads");
  page.on("download", async (download) => {
    const file = join(downloads.path, download.suggestedFilename());
    await download.saveAs(`${file}.part`);
    renameSync(`${file}.part`, file);
  });
  return {
    downloads: downloads.path,
    goto: (url) => page.goto(url),
    evaluate: (expression) => page.evaluate(expression),
    click: (x, y) => page.mouse.click(x, y),
    type: (text) => page.keyboard.type(text),
    press: (key) => page.keyboard.press(key),
    resize: (size) => page.setViewportSize(size),
    screenshot: () => page.screenshot(),
    errors: () => messages.filter((it) => it.startsWith("error: ")),
    close: async () => {
      await close();
      downloads.remove();
    },
  };
}
