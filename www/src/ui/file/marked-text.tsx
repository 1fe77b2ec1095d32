/** Text of an image with its classes, in which nothing hides. @module */

import type { JSX } from "preact";
import { inverted } from "../../format/inverted.ts";
import { firstIndex } from "../../format/search.ts";
import type { Runs } from "../../preview/protocol.ts";

/** The highlighter's scopes, by what they look like. */
const LOOKS = inverted({
  "code-keyword": "keyword selector-tag bullet name",
  "code-number": "literal number symbol",
  "code-string": "string regexp link code",
  "toned tone-added": "addition",
  "toned tone-removed": "deletion",
  "code-comment": "comment quote doctag meta",
  "code-title": "title section type built_in class",
  "code-attribute":
    "attr attribute variable template-variable property selector-class selector-id selector-attr selector-pseudo",
  "code-strong": "strong",
  "code-emphasis": "emphasis",
});

/** What has no shape, or turns the direction of what is around it. Tabulators are text. */
const HIDDEN = /(?!\t)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u200b\u2060-\u2064\ufeff]/gu;

/** A text's parts; `start` is where it begins in what the runs are of. */
export function markedText(text: string, runs: Runs | undefined, start: number): (string | JSX.Element)[] {
  if (!runs) return withMarks(text, "");
  const parts: (string | JSX.Element)[] = [];
  const end = start + text.length;
  let at = start;
  for (
    let i = firstIndex(runs.ends.length, (at) => (runs.ends[at] ?? 0) > start);
    i < runs.ends.length && at < end;
    i++
  ) {
    const stop = Math.min(end, runs.ends[i] ?? end);
    const name = LOOKS.get(runs.names[runs.classes[i] ?? 0] ?? "");
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
