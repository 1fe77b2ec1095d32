/** Text of an image on a page of ours. @module */

import { isUtf8, latin1 } from "../../../js/common/bytes.ts";

/** The one style sheet of pages. Its hash in {@link PAGE_CSP} is checked by a test. */
export const STYLE =
  "body{font:14px/1.5 system-ui,sans-serif;margin:1.5em}h1{font-size:1.3em;overflow-wrap:anywhere}" +
  "table{border-spacing:1em 0;margin:0 -1em}th{text-align:left}td{vertical-align:top;white-space:nowrap}" +
  "td:first-child{white-space:pre-wrap;overflow-wrap:anywhere}.n{text-align:right}" +
  "@media(max-width:40em){td:nth-child(3),th:nth-child(3){display:none}}";

/** Nothing runs on a page and nothing is loaded; the style sheet is known by its hash. */
export const PAGE_CSP = [
  "default-src 'none'",
  "style-src 'sha256-0FcUa1ix1fgMIYawuo0h6VJOWw7PgKT3n11ecZU9NlU='",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A page, and the headers that describe it. `content` is HTML. */
export function page(title: string, content: string): { body: string; headers: Record<string, string> } {
  const shown = escapeHtml(title);
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${shown}</title>`;
  return {
    body: `<!doctype html>\n<html lang="en"><head>${head}<style>${STYLE}</style></head>\n<body><h1><bdi>${shown}</bdi></h1>\n${content}\n</body></html>\n`,
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_CSP },
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML, in content and in quoted attributes. Controls and marks of direction show as U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** Bytes in base64 where they are not UTF-8. */
export function bytesUnlessText(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? undefined : btoa(latin1(bytes));
}
