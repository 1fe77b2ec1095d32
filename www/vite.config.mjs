// The page's build: static files in dist/www, which any host can serve below any path.
import { join } from "node:path";
import { defineConfig } from "vite";
import { CSP, IMMUTABLE, PAGE_HEADERS, PARTS } from "../web/page-policy.ts";

/** For hosts that read `_headers` (Cloudflare, Netlify and others) what the worker sends. */
function headersFile() {
  const lines = Object.entries(PAGE_HEADERS).map(([name, value]) => `  ${name}: ${value}`);
  return ["/*", ...lines, `/${PARTS}*`, `  cache-control: ${IMMUTABLE}`, ""].join("\n");
}

/** What a host of files alone offers (`SiteConfig`); `demo` can be filled by hand. The worker answers in its place. */
const STATIC_SITE = { proxy: false, registries: [], passAuthorization: false, demo: [] };

/** The policy: in the page for hosts that send no headers of ours, and in `_headers`. */
const policy = {
  name: "policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: CSP },
      injectTo: "head-prepend",
    },
  ],
  generateBundle() {
    this.emitFile({ type: "asset", fileName: "_headers", source: headersFile() });
    this.emitFile({ type: "asset", fileName: "-/config.json", source: `${JSON.stringify(STATIC_SITE)}\n` });
  },
};

/** The page's host has its files: what holds the modules for places without any stays out. */
const withFiles = {
  name: "with-files",
  enforce: "pre",
  load: (id) => (/_inline_[12]\.js$/.test(id) ? 'export default "";' : undefined),
};

/** What the page shares with the package, it takes out of the built one: so it is there once. */
const COMMON = {
  find: /^.*\/js\/common\/([\w-]+)\.ts$/,
  replacement: join(import.meta.dirname, "../dist/js/common/$1.js"),
};

/** What a thread begins with, as one file. */
const together = (name, test) => ({
  output: {
    codeSplitting: { groups: [{ name, test, tags: [/** @type {const} */ ("$initial")] }] },
  },
});

/** Not the engine's entry: files that are loaded later take code from beside it, as WebKit would run it once more for them. */
const isBesideEntry = (id) => !id.endsWith("/src/engine/worker.ts");

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: [COMMON] },
  base: "./",
  plugins: /** @type {import("vite").Plugin[]} */ ([policy, withFiles]),
  build: {
    outDir: "../dist/www",
    emptyOutDir: true,
    // Below `-`, where neither a registry nor an image can be: the worker serves both at one origin.
    assetsDir: PARTS.slice(0, -1),
    assetsInlineLimit: 0,
    target: "es2023",
    modulePreload: { polyfill: false },
    rolldownOptions: together("index"),
    license: { fileName: `${PARTS}licenses.md` },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: {
    format: "es",
    plugins: () => [/** @type {import("vite").Plugin} */ (withFiles)],
    rolldownOptions: together("engine", isBesideEntry),
  },
});
