// Texts, JSON, bytes and commands of the view of files.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { catCommand, curlCommand } from "../../www/src/format/command.ts";
import { encodingOf } from "../../www/src/format/encoding.ts";
import { asciiRow, hexRow, parseOffset } from "../../www/src/format/hex.ts";
import { HexScroll } from "../../www/src/format/hex-scroll.ts";
import { type JsonColumns, parseJson } from "../../www/src/format/json.ts";
import { allOpen, firstOpen, jsonRows } from "../../www/src/format/json-rows.ts";
import { languageOf } from "../../www/src/format/language.ts";
import { Lines, ROW_LENGTH } from "../../www/src/format/lines.ts";
import { presentationsOf } from "../../www/src/format/presentation.ts";
import { describeXattr } from "../../www/src/format/xattrs.ts";
import { runsOf } from "../../www/src/preview/runs.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The rows of a text that came in pieces of a length. */
function linesOf(text: string, step: number): Lines {
  const lines = new Lines();
  for (let at = 0; at < text.length; at += step) {
    lines.append(text.slice(at, at + step), at + step >= text.length);
  }
  return lines;
}

describe("lines", () => {
  test("are the same in whatever pieces the text comes", () => {
    const text = `one\ntwo\r\n\n${"long ".repeat(1000)}end\n\ttab\nlast without an end`;
    const whole = linesOf(text, text.length);
    const seen = (lines: Lines): [string, number, boolean][] =>
      Array.from({ length: lines.rows }, (_, i) => {
        const { text: row, line, goesOn } = lines.row(i);
        return [row, line, goesOn];
      });
    assert.equal(whole.lines, 6);
    assert.equal(whole.crlf, 1);
    for (const step of [1, 2, 3, 7, 100, 4096]) {
      const pieces = linesOf(text, step);
      assert.deepEqual(seen(pieces), seen(whole), `in pieces of ${step}`);
      assert.equal(pieces.text(), text);
    }
    for (let line = 1; line <= 6; line++) {
      const row = whole.rowOfLine(line) ?? -1;
      assert.deepEqual([whole.row(row).line, whole.row(row).goesOn], [line, false]);
    }
    assert.equal(whole.rowOfLine(7), undefined);
  });

  test("of any length are bounded rows, also without an end for long", () => {
    const lines = linesOf("🦀".repeat(200_000), 50_000);
    assert.equal(lines.lines, 1);
    let all = "";
    for (let i = 0; i < lines.rows; i++) {
      const { text } = lines.row(i);
      assert.ok(text.length <= ROW_LENGTH);
      all += text;
    }
    assert.equal(all, "🦀".repeat(200_000));
  });
});

describe("what a file is shown as", () => {
  test("encodings are told by bytes", () => {
    assert.equal(encodingOf(utf8("grün"), true)?.label, "utf-8");
    // Cut within a letter: still UTF-8 where more follows.
    assert.equal(encodingOf(utf8("grü").subarray(0, 3), false)?.label, "utf-8");
    assert.equal(encodingOf(Uint8Array.from([0x67, 0x72, 0xfc, 0x6e]), true)?.label, "windows-1252");
    assert.equal(encodingOf(Uint8Array.from([0xff, 0xfe, 0x41, 0]), true)?.label, "utf-16le");
    assert.equal(encodingOf(Uint8Array.from([1, 2, 0, 4]), true), undefined);
  });

  test("languages by name and first line; names of methods mean nothing", () => {
    assert.equal(languageOf("main.rs", ""), "rust");
    assert.equal(languageOf("Dockerfile.prod", ""), "dockerfile");
    assert.equal(languageOf("run", "#!/usr/bin/env python3\n"), "python");
    for (const name of ["constructor", "x.constructor", "__proto__", "x.toString"]) {
      assert.equal(languageOf(name, "text"), undefined);
    }
  });

  test("the first way is the one that people want", () => {
    const first = (name: string, text: string): string | undefined => {
      const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
      return presentationsOf(name, bytes.length, bytes).list[0];
    };
    assert.equal(first("a.json", "{}"), "json");
    assert.equal(first("README.md", "# a"), "document");
    assert.equal(first("a.html", "<p>"), "text");
    assert.equal(first("a.svg", "<svg></svg>"), "picture");
    assert.equal(first("a.txt", "\x89PNG\r\n\x1a\n"), "picture");
    assert.equal(first("ls", "\x7fELF\x02\x01\x01\0"), "about");
    assert.equal(first("random", "\0\x01\x02"), "hex");
    assert.equal(first("empty", ""), "about");
  });

  test("highlighted HTML gives back all of its text", () => {
    const runs = runsOf('<span class="hljs-title function_">a &amp; b</span> constructor &lt;');
    assert.deepEqual([...runs.ends], [5, 19]);
    assert.deepEqual(
      [...runs.classes].map((at) => runs.names[at]),
      ["title", ""],
    );
  });
});

describe("JSON", () => {
  const valid = (text: string): JsonColumns => {
    const found = parseJson(text);
    assert.ok(!("offset" in found), text);
    return found;
  };

  test("accepts what JSON.parse accepts, and refuses what it refuses", () => {
    const texts = [
      "{}",
      "[]",
      " [1, 2.5e-7, -0] ",
      '{"a":{"b":[null,true,false]}}',
      '"\\u00e9\\n"',
      "0",
      "",
      "[1,]",
      "{,}",
      '{"a"}',
      '{"a":1,}',
      "01",
      "1.",
      "tru",
      '"\u0001"',
      '"\\x"',
      "[1] 2",
      "[",
      '{"a":1',
      "NaN",
      "'a'",
      "-",
    ];
    for (const text of texts) {
      let isValid = true;
      try {
        JSON.parse(text);
      } catch {
        isValid = false;
      }
      assert.equal(!("offset" in parseJson(text)), isValid, JSON.stringify(text));
    }
  });

  test("depth has a bound, and a long document is read fast", () => {
    assert.ok("offset" in parseJson("[".repeat(1_000_000)));
    const started = performance.now();
    const columns = valid(JSON.stringify(Array.from({ length: 100_000 }, (_, i) => ({ i }))));
    assert.equal(columns.kind.length, 200_001);
    assert.ok(performance.now() - started < 3000);
    assert.deepEqual([...firstOpen(columns)], [0]);
    assert.ok(jsonRows(columns, allOpen(columns)).length <= 200_000);
  });

  test("rows are values and ends, with commas where others follow", () => {
    const columns = valid('{"a":[1,{"b":2}],"c":{}}');
    const rows = jsonRows(columns, new Set([0, 1, 3]));
    assert.deepEqual(
      rows.map(({ at, depth, isEnd, hasNext }) => `${depth}:${at}${isEnd ? "end" : ""}${hasNext ? "," : ""}`),
      ["0:0", "1:1", "2:2,", "2:3", "3:4", "2:3end", "1:1end,", "1:5", "0:0end"],
    );
  });
});

describe("bytes", () => {
  test("rows, and offsets as people type them", () => {
    assert.equal(hexRow(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 255])), "00 01 02 03 04 05 06 07  ff");
    assert.equal(asciiRow(Uint8Array.from([0x41, 0, 0x7f, 0x20])), "A·· ");
    assert.deepEqual(["0x10", "10h", "16", "1_000", "ff", "", "x"].map(parseOffset), [
      16,
      16,
      16,
      1000,
      255,
      undefined,
      undefined,
    ]);
  });

  test("every row of a huge file can be reached, and the bar is never stuck", () => {
    const scroll = new HexScroll(2 ** 40 / 16, 20, 600);
    assert.ok(scroll.height <= 8_000_000);
    assert.equal(scroll.barAt(0), 0);
    assert.equal(scroll.barAt(scroll.maxTop), scroll.height - 600);
    for (const top of [1, 1000, scroll.maxTop / 3, scroll.maxTop - 1]) {
      const bar = scroll.barAt(top);
      // There is way to both sides, and a small one is so many rows.
      assert.ok(bar > 100 && bar < scroll.height - 700);
      assert.ok(Math.abs(scroll.topAt(bar + 40, bar, top) - scroll.clamp(top + 2)) < 1e-3);
    }
    assert.equal(scroll.topAt(scroll.height - 600, 0, 0), scroll.maxTop);
  });
});

describe("words and commands", () => {
  test("capabilities as getcap writes them, access lists as getfacl", () => {
    const bytes = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));
    assert.equal(
      describeXattr("security.capability", bytes("AQAAAgAgAAAAAAAAAAAAAAAAAAA=")),
      "cap_net_raw=ep",
    );
    const acl = Uint8Array.from([2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0]);
    assert.equal(describeXattr("system.posix_acl_access", acl), "user::rw-, user:1000:r--");
    assert.equal(describeXattr("user.x", utf8("hello")), "hello");
    assert.equal(describeXattr("user.x", Uint8Array.from([0, 1])), "00 01");
    assert.equal(describeXattr("security.capability", Uint8Array.from([1])), "01");
  });

  test("commands are quoted for a shell; what is no text is escaped", () => {
    const target = { image: "ghcr.io/o/app@sha256:ab", layer: undefined };
    assert.equal(
      catCommand({ ...target, path: "/etc/hosts" }),
      "npx ocipeek cat ghcr.io/o/app@sha256:ab /etc/hosts",
    );
    assert.equal(
      catCommand({ ...target, path: "/a%20b%27%24%28x%29" }),
      `npx ocipeek cat ghcr.io/o/app@sha256:ab '/a b'\\''$(x)'`,
    );
    assert.equal(
      catCommand({ ...target, path: "/caf%E9%0A", layer: { index: 2, digest: "sha256:cd" } }),
      "npx ocipeek cat --layer 2 --escaped ghcr.io/o/app@sha256:ab '/caf\\xe9\\x0a'",
    );
    assert.equal(
      curlCommand("https://files.example/", { ...target, path: "/a%20b" }, true),
      "curl https://files.example/ghcr.io/o/app@sha256:ab/-/a%20b/",
    );
  });
});
