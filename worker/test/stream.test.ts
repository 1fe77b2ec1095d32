// A large file, and files with names that mean harm, in an image made for it.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Fetch } from "ocipeek";
import { tempFolder } from "../../tests/lib/processes.mjs";
import { writeSyntheticLayout } from "../../tests/lib/synthetic-image.mjs";
import { type Harness, sha256, start } from "../../tests/lib/worker/harness.ts";
import { encodePath } from "../../web/path.ts";

const MIB = 1 << 20;
const SIZE = 48 * MIB;

/** Half random, half text, so that spans are neither tiny nor stored. */
function content(): Buffer {
  const out = Buffer.alloc(SIZE);
  for (let at = 0; at < SIZE; at += 4096) {
    randomBytes(1024).copy(out, at);
    out.fill(`line ${at} of a long text\n`, at + 1024, at + 4096);
  }
  return out;
}

const HOSTILE = [
  'quote".txt',
  "line\r\nset-cookie: stolen=1",
  "line\nx.txt",
  "esc\x1b[31m.md",
  "<script>alert(1)<!-- .html",
  "'><img src=x onerror=alert(1)>.svg",
  "javascript:alert(1)",
  "http:",
  "//evil.example",
  "%2e%2e%2fetc%2fpasswd",
  "?download&platform=x",
  "#fragment",
  "-",
  "back\\slash",
  "evil\u202egpj.exe",
  "page.html",
  "drawing.svg",
  "code.js",
  "paper.pdf",
  "sheet.css",
  "feed.xml",
  " ",
  "...",
  "a;b=c,d",
  "ümläut.txt",
  "l".repeat(90),
];

describe("an image made for it", () => {
  let folder: ReturnType<typeof tempFolder>;
  let h: Harness;
  let image: string;
  let big: Buffer;
  let ranges: string[] = [];
  let gate: (range: string) => Promise<void> = async () => {};

  const gated: Fetch = async (url, init) => {
    const range = new Headers(init.headers).get("range");
    if (range) {
      ranges.push(range);
      await gate(range);
    }
    return fetch(url, init);
  };

  before(async () => {
    folder = tempFolder("worker-stream");
    big = content();
    await writeSyntheticLayout(folder.path, [
      ["big.bin", big],
      ...HOSTILE.map((name): [string, Buffer] => [
        `odd/${name.replaceAll("/", "\u2215")}`,
        Buffer.from(name),
      ]),
    ]);
    const env = { OCIPEEK_LIBRARY_LIMITS: { maxRangeRequest: 4 * MIB } };
    h = await start(env, { fetch: gated }, { dir: folder.path, repository: "big" });
    image = `${h.image}:latest/-`;
  });
  after(async () => {
    await h?.close();
    folder?.remove();
  });

  test("a large file is what it was", async () => {
    const response = await h.get(`${image}/big.bin`);
    assert.equal(response.headers.get("content-length"), String(SIZE));
    const hash = createHash("sha256");
    let largest = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      largest = Math.max(largest, chunk.length);
    }
    assert.equal(hash.digest("hex"), createHash("sha256").update(big).digest("hex"));
    assert.ok(largest <= 4 * MIB, `pieces of ${largest} bytes`);
  });

  test("its first byte leaves when the first span is in", async () => {
    ranges = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    gate = (range) => (/^bytes=\d{1,6}-/.test(range) ? Promise.resolve() : held);
    const response = await h.get(`${image}/big.bin`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    assert.ok(value && big.subarray(0, value.length).equals(value));
    release();
    gate = async () => {};
    let length = value.length;
    for (let next = await reader.read(); !next.done; next = await reader.read()) length += next.value.length;
    assert.equal(length, SIZE);
  });

  test("nobody who takes nothing makes the worker fetch all", async () => {
    ranges = [];
    const response = await h.get(`${image}/big.bin`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const asked = ranges.reduce((sum, range) => {
      const [from = 0, to = 0] = range.slice("bytes=".length).split("-").map(Number);
      return sum + to - from + 1;
    }, 0);
    assert.ok(asked <= 8 * MIB, `${asked} bytes were asked for`);
    await response.body?.cancel();
  });

  test("a part costs the spans that hold it", async () => {
    for (const [from, to] of [
      [20 * MIB, 20 * MIB],
      [30 * MIB - 600, 30 * MIB + 600],
      [SIZE - 1, SIZE - 1],
    ] as const) {
      ranges = [];
      const response = await h.get(`${image}/big.bin`, { range: `bytes=${from}-${to}` });
      assert.equal(
        await sha256(response),
        createHash("sha256")
          .update(big.subarray(from, to + 1))
          .digest("hex"),
      );
      assert.ok(Number(response.headers.get("x-ocipeek-bytes")) < 2 * MIB);
      assert.ok(ranges.length <= 2, ranges.join());
    }
  });

  test("hostile names: each is served as bytes that do not run, under headers of ours alone", async () => {
    for (const name of HOSTILE) {
      const path = encodePath(Buffer.from(name.replaceAll("/", "\u2215")));
      const response = await h.get(`${image}/odd/${path}`);
      assert.equal(response.status, 200, name);
      assert.equal(await response.text(), name);
      assert.equal(response.headers.get("set-cookie"), null);
      const type = response.headers.get("content-type") ?? "";
      assert.ok(["text/plain; charset=utf-8", "application/octet-stream"].includes(type), `${name}: ${type}`);
      if (/\.(html|svg|js|pdf|css|xml|exe)$/.test(name)) {
        assert.match(response.headers.get("content-disposition") ?? "", /^attachment; /, name);
      }
      for (const [header, value] of response.headers) assert.match(value, /^[\x20-\x7e]*$/, header);
    }
  });

  test("hostile names: the listing's links lead to them, and its HTML holds no tag of theirs", async () => {
    const listing = (await (await h.get(`${image}/odd/`)).json()) as {
      entries: { name: string; href: string }[];
    };
    assert.equal(listing.entries.length, HOSTILE.length);
    const html = await (await h.get(`${image}/odd/?format=html`)).text();
    const links = Array.from(html.matchAll(/href="([^"]*)"/g), (match) => match[1] ?? "");
    for (const { name, href } of listing.entries) {
      const base = `https://files.example${image}/odd/`;
      const url = new URL(href, base);
      assert.ok(url.href.startsWith(base), href);
      const response = await h.get(url.href.slice("https://files.example".length));
      assert.equal(await response.text(), name.replaceAll("\u2215", "/"));
      assert.ok(links.includes(href), href);
    }
    assert.doesNotMatch(html, /<script|<img|onerror=alert\(1\)>|\u202e/i);
  });
});
