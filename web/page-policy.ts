/**
 * What the page may load and do, and the headers that say so. Here once: the page's build writes it into its HTML and
 * into `_headers`, the worker sends it.
 * @module
 */

/** As a `<meta>` can say it. `connect-src`: registries are asked directly where they allow it. */
export const CSP: string = [
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

/**
 * Headers of the page and of all that it is made of. Its scripts have them too: a worker runs under the policy that
 * comes with its own script.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": `${CSP}; frame-ancestors 'none'`,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Of what is named by its content: it never changes. */
export const IMMUTABLE = "public, max-age=31536000, immutable";

/** Where the page's parts lie, below the page: named by their content. */
export const PARTS = "-/www/";
