// The page's build: static files in dist/www, which any host can serve below any path.
import { defineConfig } from "vite";

/**
 * What the page may load and do. The worker sends the same as a header; here it is for static hosts.
 * `connect-src`: registries are asked directly where they allow it.
 */
export const CSP = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*",
  "frame-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "object-src 'none'",
].join("; ");

const csp = {
  name: "csp",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: CSP },
      injectTo: "head-prepend",
    },
  ],
};

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [/** @type {import("vite").Plugin} */ (csp)],
  build: {
    outDir: "../dist/www",
    emptyOutDir: true,
    // Below `-`, where neither a registry nor an image can be: the worker serves both at one origin.
    assetsDir: "-/www",
    assetsInlineLimit: 0,
    target: "es2023",
    modulePreload: { polyfill: false },
    license: { fileName: "-/www/licenses.md" },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
});
