/** The highlighter's HTML as runs of text: all that it writes are spans with a class, and escaped text. @module */
import type { Runs } from "./protocol.ts";

const TOKEN = /<span class="([^"]*)">|<\/span>|&(?:amp|lt|gt|quot|#x27);|[^<&]+/g;

/** The runs of `html`. Their lengths are those of the text that it was made from. */
export function runsOf(html: string): Runs {
  const names = [""];
  const ends: number[] = [];
  const classes: number[] = [];
  const open: number[] = [];
  let at = 0;
  for (const [token, name] of html.matchAll(TOKEN)) {
    if (token.startsWith("<")) {
      if (token === "</span>") open.pop();
      else open.push(indexOf(names, name ?? ""));
      continue;
    }
    at += token.startsWith("&") ? 1 : token.length;
    const current = open.at(-1) ?? 0;
    if (classes.at(-1) === current) ends[ends.length - 1] = at;
    else {
      ends.push(at);
      classes.push(current);
    }
  }
  return { ends: Uint32Array.from(ends), classes: Uint8Array.from(classes), names };
}

/** Of `hljs-title function_` the first class counts. */
function indexOf(names: string[], classNames: string): number {
  const name = (classNames.split(" ", 1)[0] ?? "").replace(/^hljs-/, "");
  const known = names.indexOf(name);
  if (known >= 0) return known;
  if (names.length > 255) return 0;
  return names.push(name) - 1;
}
