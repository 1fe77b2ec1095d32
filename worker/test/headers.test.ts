// The rules of HTTP that need no image.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { contentDisposition } from "../../web/disposition.ts";
import { HttpError } from "../src/errors.ts";
import { contentType } from "../src/http/content-type.ts";
import { etagOf, lastModified, precondition, prefersSecond, rangeOf } from "../src/http/headers.ts";
import { bytesUnlessText, escapeHtml, PAGE_CSP, page, STYLE } from "../src/http/html.ts";

const ETAG = '"abc"';
const h = (headers: Record<string, string>) => new Headers(headers);

describe("Range", () => {
  const range = (header: string, size = 100) => rangeOf(h({ range: header }), ETAG, size);
  const parts: [string, number, number][] = [
    ["bytes=0-", 0, 100],
    ["bytes=0-0", 0, 1],
    ["bytes=0-99", 0, 100],
    ["bytes=0-100", 0, 100],
    ["bytes=99-", 99, 100],
    ["bytes=99-99999999999999999999999", 99, 100],
    ["bytes=5-9", 5, 10],
    ["bytes=-1", 99, 100],
    ["bytes=-100", 0, 100],
    ["bytes=-1000", 0, 100],
    ["Bytes=1-2", 1, 3],
    ["bytes = 1-2 ", 1, 3],
  ];
  for (const [header, start, end] of parts) {
    test(header, () => assert.deepEqual(range(header), { start, end }));
  }
  for (const header of [
    "bytes=0-1,3-4",
    "bytes=0-1,",
    "bytes=5-4",
    "bytes=-",
    "bytes=a-b",
    "bytes=1",
    "bytes=+1-2",
    "bytes=1--2",
    "bytes=0x1-2",
    "bytes",
    "items=0-1",
    "",
  ]) {
    test(`${header || "nothing"}: the whole file`, () => assert.equal(range(header), undefined));
  }
  for (const header of ["bytes=100-", "bytes=100-200", "bytes=99999999999999999999999-", "bytes=-0"]) {
    test(`${header}: 416`, () =>
      assert.throws(
        () => range(header),
        (error: HttpError) =>
          error instanceof HttpError &&
          error.status === 416 &&
          error.code === "RANGE_NOT_SATISFIABLE" &&
          error.headers["content-range"] === "bytes */100",
      ));
  }
  test("of an empty file", () => {
    assert.throws(() => range("bytes=0-", 0), { status: 416 });
    assert.equal(range("bytes=-5", 0), undefined);
  });
  test("holds where If-Range is the strong tag alone", () => {
    const one = (ifRange: string) => rangeOf(h({ range: "bytes=0-0", "if-range": ifRange }), ETAG, 9);
    assert.deepEqual(one(ETAG), { start: 0, end: 1 });
    for (const other of ['W/"abc"', '"abd"', "abc", "*", "Fri, 10 Oct 2025 10:10:10 GMT"]) {
      assert.equal(one(other), undefined, other);
    }
  });
});

describe("conditions", () => {
  const date = new Date("2025-10-10T10:10:10.500Z");
  const check = (headers: Record<string, string>, pinned = true) =>
    precondition(h(headers), ETAG, date, pinned);
  const inm = (value: string) => check({ "if-none-match": value });
  test("If-None-Match", () => {
    for (const value of [ETAG, 'W/"abc"', '"x", "abc"', '"x" ,W/"abc"', "*", '"a,b", "abc"']) {
      assert.equal(inm(value), 304, value);
    }
    for (const value of ['"x"', "abc", "", '"ABC"', '"xabc"', "W/abc"])
      assert.equal(inm(value), undefined, value);
  });
  test("If-Match compares strongly", () => {
    assert.equal(check({ "if-match": ETAG }), undefined);
    assert.equal(check({ "if-match": "*" }), undefined);
    assert.equal(check({ "if-match": '"x", "abc"' }), undefined);
    for (const value of ['W/"abc"', '"x"', ""]) assert.equal(check({ "if-match": value }), 412, value);
    assert.equal(check({ "if-match": '"x"', "if-none-match": ETAG }), 412);
  });
  test("If-Modified-Since counts below a digest, where there is no If-None-Match", () => {
    const since = { "if-modified-since": "Fri, 10 Oct 2025 10:10:10 GMT" };
    assert.equal(check(since), 304);
    assert.equal(check(since, false), undefined);
    assert.equal(check({ ...since, "if-none-match": '"x"' }), undefined);
    assert.equal(check({ "if-modified-since": "Fri, 10 Oct 2025 10:10:09 GMT" }), undefined);
    assert.equal(check({ "if-modified-since": "yesterday" }), undefined);
    assert.equal(precondition(h(since), ETAG, undefined, true), undefined);
  });
});

describe("Last-Modified", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  test("is a date that is known, and past", () => {
    assert.equal(lastModified(0, now)?.getTime(), 0);
    assert.equal(lastModified(now, now)?.getTime(), now);
    for (const ms of [Number.NaN, -1, now + 1, Number.POSITIVE_INFINITY, 9e15]) {
      assert.equal(lastModified(ms, now), undefined, String(ms));
    }
  });
});

describe("Accept", () => {
  const html = (accept: string | null) => prefersSecond(accept, "application/json", "text/html");
  test("prefers HTML only where it says so", () => {
    for (const accept of [
      "text/html",
      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "TEXT/HTML",
      "application/json;q=0.5, text/*",
      "application/json;q=0, */*;q=0.1",
    ]) {
      assert.ok(html(accept), accept);
    }
    for (const accept of [
      null,
      "",
      "*/*",
      "application/json",
      "application/json, text/html",
      "text/html;q=0.5, application/json",
      "text/html;q=0, */*",
      "text/html;q=7, */*;q=0.1",
      "image/png",
    ]) {
      assert.ok(!html(accept), String(accept));
    }
  });
});

describe("ETag", () => {
  test("differs where any part does, however they are cut", async () => {
    const tags = await Promise.all([
      etagOf("a", "b"),
      etagOf("ab"),
      etagOf("ab", ""),
      etagOf("", "ab"),
      etagOf("b", "a"),
      etagOf("a", Uint8Array.of(0xff)),
    ]);
    assert.equal(new Set(tags).size, tags.length);
    for (const tag of tags) assert.match(tag, /^"[0-9a-f]{32}"$/);
    assert.equal(await etagOf("a", "b"), await etagOf("a", new TextEncoder().encode("b")));
  });
});

describe("types", () => {
  const types: [string, string, boolean][] = [
    ["readme.txt", "text/plain; charset=utf-8", true],
    ["README", "text/plain; charset=utf-8", true],
    ["os-release", "text/plain; charset=utf-8", true],
    ["x.MD", "text/plain; charset=utf-8", true],
    ["x.yaml", "text/plain; charset=utf-8", true],
    ["package.json", "application/json", true],
    ["a.png", "image/png", true],
    ["a.JPG", "image/jpeg", true],
    ["a.avif", "image/avif", true],
    ["a.webp", "image/webp", true],
    ["a.gif", "image/gif", true],
  ];
  for (const [name, type, inline] of types) {
    test(name, () => assert.deepEqual(contentType(name), { type, inline }));
  }
  const others =
    "a.html a.htm a.xhtml a.xht a.shtml a.mht a.svg a.svgz a.xml a.xsl a.js a.mjs a.cjs a.css a.pdf a.swf a.wasm a.txt.html a.png.svg " +
    "libc.so.6 a.bin noextension .html .png a. a a.ico a.mp4 a.vtt a.webmanifest a.hta a.jar a.constructor __proto__ a.__proto__";
  test("all else is bytes to be saved", () => {
    for (const name of others.split(" ")) {
      assert.deepEqual(contentType(name), { type: "application/octet-stream", inline: false }, name);
    }
  });
});

describe("Content-Disposition", () => {
  const names: [string, string][] = [
    ["a.txt", 'attachment; filename="a.txt"'],
    ["a b;c=d.txt", 'attachment; filename="a b;c=d.txt"'],
    ['q"\\', "attachment; filename=\"q__\"; filename*=UTF-8''q%22_"],
    ["100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"],
    ["r\r\nSet-Cookie: x", 'attachment; filename="r__Set-Cookie: x"'],
    ["nul\0tab\tesc\x1bdel\x7f", 'attachment; filename="nul_tab_esc_del_"'],
    ["ünïcödé.txt", "attachment; filename=\"_n_c_d_.txt\"; filename*=UTF-8''%C3%BCn%C3%AFc%C3%B6d%C3%A9.txt"],
    ["🦀", "attachment; filename=\"_\"; filename*=UTF-8''%F0%9F%A6%80"],
    ["it's(1)*é", "attachment; filename=\"it's(1)*_\"; filename*=UTF-8''it%27s%281%29%2A%C3%A9"],
    ["invoice\u202Etxt.exe", 'attachment; filename="invoice_txt.exe"'],
    ["\u2028\u2066\ufeff\u200b", 'attachment; filename="____"'],
    ["\ud800x", 'attachment; filename="_x"'],
    ["../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'],
    ["..", 'attachment; filename="file"'],
    [".", 'attachment; filename="file"'],
    ["", 'attachment; filename="file"'],
  ];
  for (const [name, expected] of names) {
    test(JSON.stringify(name), () => {
      assert.equal(contentDisposition("attachment", name), expected);
      // What no header may hold would be refused here.
      new Headers({ "content-disposition": expected });
    });
  }
  test("of a long name is cut between characters", () => {
    const value = contentDisposition("inline", "🦀".repeat(5000));
    assert.equal(decodeURIComponent(value.split("''")[1] ?? ""), "🦀".repeat(200));
  });
});

describe("pages", () => {
  test("escape", () => {
    assert.equal(
      escapeHtml(`<a href="x" title='y'>&\0\u202e`),
      "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;\ufffd\ufffd",
    );
  });
  test("know their style sheet by its hash", () => {
    const hash = createHash("sha256").update(STYLE).digest("base64");
    assert.ok(PAGE_CSP.includes(`style-src 'sha256-${hash}'`));
    assert.ok(page("t", "").body.includes(`<style>${STYLE}</style>`));
  });
  test("tell bytes that are no text", () => {
    assert.equal(bytesUnlessText(Buffer.from("é")), undefined);
    assert.equal(bytesUnlessText(Uint8Array.of(0x61, 0xff)), "Yf8=");
  });
});
