// How the command shows names, modes, sizes, times, tables and errors.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "../../dist/cli/args.js";
import { escapeBytes, escapeText, jsonText, unescapeBytes } from "../../dist/cli/escape.js";
import { exitCodeOf, UsageError } from "../../dist/cli/exit.js";
import {
  chosenSize,
  columns,
  counted,
  humanSize,
  lsTime,
  modeString,
  siSize,
  table,
} from "../../dist/cli/format.js";
import { commandHelp, generalHelp, groupHelp } from "../../dist/cli/help.js";
import { COMMANDS } from "../../dist/cli/run.js";
import { statsReport } from "../../dist/cli/session.js";
import { OcipeekError } from "../../dist/js/index.js";

describe("escape", () => {
  const cases = [
    ["plain name.txt", "plain name.txt"],
    ["größe-名前-😀", "größe-名前-😀"],
    ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"],
    ["\x00\x07\x7f\u0085\u009b", "\\x00\\a\\x7f\\u{85}\\u{9b}"],
    ["exe\u202egpj.txt", "exe\\u{202e}gpj.txt"],
    ["zero\u200bwidth\u2028line\ufeffbom", "zero\\u{200b}width\\u{2028}line\\u{feff}bom"],
    ["back\\slash", "back\\\\slash"],
  ];
  for (const [name, shown] of cases) {
    test(JSON.stringify(name), () => {
      assert.equal(escapeText(name), shown);
      assert.equal(Buffer.from(unescapeBytes(shown)).toString(), name);
    });
  }

  test("JSON means the same, and shows no character that a terminal obeys or nobody sees", () => {
    const odd =
      "\u009b31m \u007f \u0085 \u202e\u2066 \u200b\ufeff \u2028\u2029 \ue000 \u{e0001} \u{10ffff} \x1b[0m \n\t\\ \ud800 größe 名前 😀";
    const value = { [`name ${odd}`]: [odd, 12n], nested: { more: odd } };
    for (const indent of [undefined, 2]) {
      const text = jsonText(value, indent);
      assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/u);
      assert.ok(text.includes("\\u009b31m \\u007f \\u0085 \\u202e\\u2066") && text.includes("größe 名前 😀"));
      assert.ok(text.includes("\\udb40\\udc01"), "in UTF-16, as JSON has it");
      assert.deepEqual(JSON.parse(text), { [`name ${odd}`]: [odd, "12"], nested: { more: odd } });
    }
  });

  test("any bytes are the same after there and back", () => {
    const bytes = Uint8Array.from({ length: 4096 }, (_, i) => (i * 131 + (i >> 5)) & 0xff);
    assert.deepEqual([...unescapeBytes(escapeBytes(bytes))], [...bytes]);
  });

  test("what is no escape is a usage error", () => {
    for (const text of ["a\\q", "a\\x4", "a\\u{110000}", "a\\"]) {
      assert.throws(() => unescapeBytes(text), UsageError, text);
    }
  });

  test("bytes that are not UTF-8, one by one", () => {
    const bytes = [0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0x80, 0xc0, 0xaf, 0xf5, 0xf0, 0x9f];
    const shown = "a\\xff\\xc3(€\\xed\\xa0\\x80\\xc0\\xaf\\xf5\\xf0\\x9f";
    assert.equal(escapeBytes(Uint8Array.from(bytes)), shown);
  });

  test("never lets a control character through, whatever the bytes", () => {
    let seed = 1;
    const next = () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed & 0xff;
    };
    for (let i = 0; i < 2000; i++) {
      const shown = escapeBytes(Uint8Array.from({ length: 12 }, next));
      assert.doesNotMatch(shown, /\p{Cc}|\p{Cf}|\ufffd/u);
    }
  });
});

describe("format", () => {
  test("chosen sizes are exact, and counts have their number", () => {
    assert.deepEqual([4 << 20, 128 << 10, 100, 0, 1 << 30].map(chosenSize), [
      "4 MiB",
      "128 KiB",
      "100 B",
      "0 B",
      "1024 MiB",
    ]);
    assert.deepEqual(
      [counted(1, "entry"), counted(2, "entry"), counted(0, "blob")],
      ["1 entry", "2 entries", "0 blobs"],
    );
  });

  test("modes as ls writes them", () => {
    assert.equal(modeString("directory", 0o1777), "drwxrwxrwt");
    assert.equal(modeString("directory", 0o1776), "drwxrwxrwT");
    assert.equal(modeString("file", 0o4755), "-rwsr-xr-x");
    assert.equal(modeString("file", 0o6644), "-rwSr-Sr--");
    assert.equal(modeString("symlink", 0o777), "lrwxrwxrwx");
    assert.equal(modeString("char-device", 0o600), "crw-------");
    assert.equal(modeString("block-device", 0), "b---------");
    assert.equal(modeString("fifo", 0o2070), "p---rws---");
  });

  test("sizes as ls -h writes them", () => {
    const cases = [
      [0, "0"],
      [1023, "1023"],
      [1024, "1.0K"],
      [1025, "1.1K"],
      [10_240, "10K"],
      [10_241, "11K"],
      [1_048_576, "1.0M"],
      [5 * 2 ** 30, "5.0G"],
    ];
    for (const [bytes, shown] of cases) assert.equal(humanSize(Number(bytes)), shown);
  });

  test("sizes for people", () => {
    assert.equal(siSize(999), "999 B");
    assert.equal(siSize(1000), "1.0 kB");
    assert.equal(siSize(999_960), "1.0 MB");
    assert.equal(siSize(40_000_000), "40.0 MB");
  });

  test("times as ls -l writes them", () => {
    const now = new Date(2026, 10, 24, 12, 0);
    assert.equal(lsTime(new Date(2026, 10, 3, 4, 5), now), "Nov  3 04:05");
    assert.equal(lsTime(new Date(2025, 0, 13), now), "Jan 13  2025");
    assert.equal(lsTime(new Date(2027, 0, 1), now), "Jan  1  2027");
    assert.equal(lsTime(new Date(Number.NaN), now).trim(), "?");
  });

  test("tables and columns", () => {
    assert.deepEqual(
      table(
        [
          ["a", "1", "x"],
          ["bb", "22", "yy"],
        ],
        [1],
      ),
      ["a    1  x", "bb  22  yy"],
    );
    assert.equal(columns([3, 3, 3, 3], 80), 1);
    assert.equal(columns([30, 30, 30, 30], 70), 2);
    assert.equal(columns([100, 100], 80), 2);
  });
});

describe("command line", () => {
  test("options before, between and after the arguments", () => {
    const args = parse(
      ["--json", "image", "--platform", "linux/arm64", "--limit", "a=1", "--limit=b=2", "/x"],
      {},
    );
    assert.deepEqual(args.positionals, ["image", "/x"]);
    assert.equal(args.flag("json"), true);
    assert.equal(args.text("platform"), "linux/arm64");
    assert.deepEqual(args.texts("limit"), ["a=1", "b=2"]);
  });

  test("mistakes are usage errors", () => {
    assert.throws(() => parse(["--frob"], {}), UsageError);
    assert.throws(() => parse(["--platform"], {}), UsageError);
    const layer = parse(["--layer", "-1"].slice(0, 1).concat("x"), { layer: { type: "string", help: "" } });
    assert.throws(() => layer.number("layer"), /--layer must be a whole number/);
  });

  test("every command has help that names its options", () => {
    for (const command of COMMANDS.flatMap((it) => ("commands" in it ? it.commands : [it]))) {
      const help = commandHelp(command);
      for (const name of Object.keys(command.options))
        assert.ok(help.includes(`--${name}`), `${command.name} ${name}`);
      for (const line of help.split("\n")) assert.ok(line.length <= 130, line);
    }
    for (const { summary } of COMMANDS) assert.ok(generalHelp(COMMANDS).includes(summary));
  });

  test("a group's help names its commands", () => {
    for (const group of COMMANDS) {
      if (!("commands" in group)) continue;
      for (const { summary, name } of group.commands) {
        assert.ok(name.startsWith(`${group.name} `));
        assert.ok(groupHelp(group).includes(`${name.slice(group.name.length + 1)} `));
        assert.ok(groupHelp(group).includes(summary));
      }
    }
  });

  test("exit codes", () => {
    const of = (code) => exitCodeOf(new OcipeekError(code, code));
    assert.deepEqual(
      ["ENOENT", "NETWORK", "DIGEST_MISMATCH", "LIMIT_EXCEEDED", "UNSUPPORTED", "ABORTED"].map(of),
      [1, 3, 4, 5, 6, 130],
    );
    assert.equal(exitCodeOf(new UsageError("x")), 2);
    assert.equal(exitCodeOf(new Error("EACCES")), 8);
  });

  test("the list of requests", () => {
    /** @type {any[]} */
    const log = [
      { purpose: "manifest", method: "GET", target: "http://h/v2/a/manifests/1", status: 200, bytes: 1234 },
      {
        purpose: "range",
        method: "GET",
        target: "http://h/v2/a/blobs/x\x1b",
        range: [10, 20],
        status: 206,
        bytes: 10,
      },
    ];
    const counters = {
      requests: 2,
      bytes: 1244,
      retries: 1,
      cacheHits: 0,
      cacheMisses: 0,
      inflated: 5,
      imageBytes: 1e6,
    };
    const text = statsReport({ ...counters, log });
    assert.match(text, /manifest +GET 200 +1\.2 kB +http/);
    assert.match(text, /range +GET 206 +10 B +10-19 +http:\/\/h\/v2\/a\/blobs\/x\\x1b/);
    assert.match(text, /2 requests, 1\.2 kB of an image of 1\.0 MB, 1 retries/);
  });
});
