/** Text of an image with its classes, in which nothing hides. @module */
import type { JSX } from "preact";
import type { Runs } from "../../preview/protocol.ts";

/** What the highlighter's scopes look like. */
const CLASSES: Record<string, string> = {
  keyword: "code-keyword",
  "selector-tag": "code-keyword",
  literal: "code-number",
  number: "code-number",
  symbol: "code-number",
  bullet: "code-keyword",
  string: "code-string",
  regexp: "code-string",
  addition: "code-added",
  deletion: "code-removed",
  comment: "code-comment",
  quote: "code-comment",
  doctag: "code-comment",
  meta: "code-comment",
  title: "code-title",
  section: "code-title",
  name: "code-keyword",
  type: "code-title",
  built_in: "code-title",
  class: "code-title",
  attr: "code-attribute",
  attribute: "code-attribute",
  variable: "code-attribute",
  "template-variable": "code-attribute",
  property: "code-attribute",
  params: "",
  "selector-class": "code-attribute",
  "selector-id": "code-attribute",
  "selector-attr": "code-attribute",
  "selector-pseudo": "code-attribute",
  link: "code-string",
  code: "code-string",
  strong: "code-strong",
  emphasis: "code-emphasis",
};

/** What has no shape, or turns the direction of what is around it. Tabulators are text. */
const HIDDEN = /(?!\t)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u200b\u2060-\u2064\ufeff]/gu;

/** A text's parts; `start` is where it begins in what the runs are of. */
export function markedText(text: string, runs: Runs | undefined, start: number): (string | JSX.Element)[] {
  if (!runs) return withMarks(text, "");
  const parts: (string | JSX.Element)[] = [];
  const end = start + text.length;
  let at = start;
  for (let i = runAt(runs, start); i < runs.ends.length && at < end; i++) {
    const stop = Math.min(end, runs.ends[i] ?? end);
    const name = CLASSES[runs.names[runs.classes[i] ?? 0] ?? ""] ?? "";
    const content = withMarks(text.slice(at - start, stop - start), `${at}`);
    if (name) {
      parts.push(
        <span key={at} class={name}>
          {content}
        </span>,
      );
    } else parts.push(...content);
    at = stop;
  }
  if (at < end) parts.push(...withMarks(text.slice(at - start), `${at}`));
  return parts;
}

/** The first run that ends behind an offset. */
function runAt(runs: Runs, offset: number): number {
  let low = 0;
  let high = runs.ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs.ends[middle] ?? 0) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function withMarks(text: string, key: string): (string | JSX.Element)[] {
  const parts: (string | JSX.Element)[] = [];
  let at = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    const code = match[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.push(
      <span key={`${key} ${match.index}`} class="code-hidden">
        U+{code}
      </span>,
    );
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}
