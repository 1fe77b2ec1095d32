// Names from images are shown so that nothing in them hides.
import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf, visible, visibleName } from "../../www/src/format/visible.ts";

const CASES: [why: string, text: string, shown: string][] = [
  ["plain text stays", "os-release", "os-release"],
  ["so do letters of all scripts, and symbols", "ünïcödé-文件-Ω-🦀.txt", "ünïcödé-文件-Ω-🦀.txt"],
  ["so do spaces between words", "two words", "two words"],
  ["spaces at the ends are seen", " a ", "‹U+0020›a‹U+0020›"],
  ["a name of spaces alone", "  ", "‹U+0020›‹U+0020›"],
  ["line feeds, tabs, escapes", "new\nline\t\x1b[31m", "new‹U+000A›line‹U+0009›‹U+001B›[31m"],
  ["DEL and C1 controls", "\x7f\x85", "‹U+007F›‹U+0085›"],
  ["an override of direction cannot swap an extension", "gpj.\u202Eexe", "gpj.‹U+202E›exe"],
  ["isolates and marks", "\u2066a\u2069\u200F", "‹U+2066›a‹U+2069›‹U+200F›"],
  ["what has no width", "pass\u200Bwd\uFEFF\u00AD", "pass‹U+200B›wd‹U+FEFF›‹U+00AD›"],
  ["other spaces", "a\u00A0b\u3000c", "a‹U+00A0›b‹U+3000›c"],
  ["line and paragraph separators", "a\u2028b\u2029", "a‹U+2028›b‹U+2029›"],
  ["tag characters", "a\u{E0061}", "a‹U+E0061›"],
];

for (const [why, text, shown] of CASES) test(why, () => assert.equal(visible(text), shown));

test("bytes that are not UTF-8 are told one by one, what is around them is text", () => {
  const bytes = Buffer.concat([
    Buffer.from("latin1-"),
    Buffer.from([0xe9, 0xff]),
    Buffer.from("é文🦀"),
    Buffer.from([0xf0, 0x9f]),
    Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0xaf]),
  ]);
  assert.equal(visibleName(bytes), "latin1-‹E9›‹FF›é文🦀‹F0›‹9F›‹ED›‹A0›‹80›‹C0›‹AF›");
  assert.equal(textOf(Buffer.from("a\u202E")), "a\u202E");
  assert.equal(visibleName(Buffer.from([0xef, 0xbb, 0xbf, 0x61])), "‹U+FEFF›a");
});
