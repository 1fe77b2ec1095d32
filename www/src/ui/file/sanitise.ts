/** Markdown's HTML as nodes that cannot do anything. @module */
import DOMPurify from "dompurify";
import { encodePath } from "../../../../web/path.ts";
import { decodePath, type EncodedPath } from "../../protocol/path.ts";

/** What a README is made of; no pictures, forms, styles, or names that scripts could trip over. */
const TAGS = (
  "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp " +
  "small span strong sub summary sup table tbody td tfoot th thead tr u ul var"
).split(" ");
const ATTRIBUTES = ["href", "title", "align", "colspan", "rowspan", "start", "open", "alt", "src"];

/**
 * The nodes. Links to the web open in another tab and say nothing of this page; those to files go to `hrefOf` of their
 * path in the image. Pictures become their alternative text: nothing is loaded.
 */
export function sanitise(
  html: string,
  file: EncodedPath,
  hrefOf: (path: EncodedPath) => string,
): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: [...TAGS, "img"],
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const picture of fragment.querySelectorAll("img")) {
    const text = document.createElement("span");
    text.className = "document-picture hint";
    text.textContent = picture.getAttribute("alt") || "picture";
    picture.replaceWith(text);
  }
  for (const element of fragment.querySelectorAll("[src], [alt]")) {
    element.removeAttribute("src");
    element.removeAttribute("alt");
  }
  for (const link of fragment.querySelectorAll("a")) {
    const target = targetOf(link.getAttribute("href") ?? "", file, hrefOf);
    if (!target) {
      link.removeAttribute("href");
      continue;
    }
    link.href = target.href;
    if (!target.isOutside) continue;
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  // What scrolls by itself is reached by keyboard.
  for (const wide of fragment.querySelectorAll<HTMLElement>("pre, table")) wide.tabIndex = 0;
  for (const header of fragment.querySelectorAll("th")) {
    // An empty corner heads nothing.
    if (header.textContent?.trim() === "") header.replaceWith(document.createElement("td"));
  }
  return fragment;
}

function targetOf(
  href: string,
  file: EncodedPath,
  hrefOf: (path: EncodedPath) => string,
): { href: string; isOutside: boolean } | undefined {
  if (/^(https?:)?\/\//i.test(href)) {
    const url = URL.parse(href, "https://invalid/");
    return url ? { href: url.href, isOutside: true } : undefined;
  }
  // Other schemes, and places in this document.
  if (href === "" || /^(#|[a-z][a-z0-9+.-]*:)/i.test(href)) return undefined;
  return { href: hrefOf(resolvePath(file, href)), isOutside: false };
}

/** A relative link's path in the image. */
function resolvePath(file: EncodedPath, href: string): EncodedPath {
  const path = href.replace(/[?#].*$/s, "");
  const parts = path.startsWith("/") ? [] : file.split("/").slice(1, -1);
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(encodePath(decodePath(part)));
  }
  return `/${parts.join("/")}`;
}
