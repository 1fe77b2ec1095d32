// Images for the page's view of files: one with a file of each kind, and one with a file of 4 GiB.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { constants, crc32, deflateRawSync, deflateSync } from "node:zlib";
import {
  layoutWriter,
  spanDigests,
  tarHeader,
  writeSyntheticLayout,
  zinfo,
  ztocOf,
} from "./synthetic-image.mjs";

const text = (string) => Buffer.from(string);
const certificate = (name) => readFileSync(new URL(`../fixtures/certificates/${name}`, import.meta.url));

/** Markdown that wants to do more than be read. */
const HOSTILE_MARKDOWN = `# Hostile

A [web link](https://elsewhere.example/page), a [file](docs/other.md), one [above](../top.txt), and a
[script](javascript:document.title='owned'), and [data](data:text/html,<script>1</script>).

![a badge](https://elsewhere.example/badge.svg) <img src="https://elsewhere.example/x.png" onerror="document.title='owned'">

<script>document.title = 'owned'</script>
<iframe src="https://elsewhere.example/frame"></iframe>
<form action="https://elsewhere.example/form"><input name="createElement"><button>Send</button></form>
<style>body { display: none }</style>
<p style="position: fixed; inset: 0" id="app" class="file" onclick="document.title='owned'">styled</p>
<svg><a xlink:href="javascript:document.title='owned'"><text>svg</text></a></svg>
<math><mtext></form><form><mglyph><style></math><img src onerror="document.title='owned'">

\`\`\`js
const answer = 42;
\`\`\`
`;

const HOSTILE_PAGE = `<!doctype html>
<title>Hostile</title>
<meta http-equiv="refresh" content="0;url=https://elsewhere.example/refresh">
<link rel="stylesheet" href="https://elsewhere.example/style.css">
<h1>A page</h1>
<script>parent.document.title = 'owned'; document.querySelector('h1').textContent = 'ran';</script>
<img src="https://elsewhere.example/x.png" onerror="parent.document.title='owned'">
`;

const HOSTILE_PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">
<script>document.title = 'owned'</script>
<image href="https://elsewhere.example/x.png" width="10" height="10"/>
<rect width="40" height="30" fill="teal" onload="document.title='owned'"/>
</svg>
`;

/** A document of which every part is lost by a careless reader. */
export const JSON_TEXT = `{
  "big": 12345678901234567890,
  "exact": 3.14000,
  "twice": 1,
  "twice": 2,
  "nested": { "list": [true, null, "a\\u0062", { "deep": [1, 2, 3] }], "empty": {} }
}
`;

/** So many lines of 48 bytes. */
export const LARGE_LINES = 60_000;
const largeLine = (i) => `${String(i).padStart(8, "0")} a line of a log that goes on and on, ok\n`;

/** A PNG of one colour. */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([text(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(3 * width, 0x7f)]);
  const rows = Buffer.concat(new Array(height).fill(row));
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A database, written by SQLite itself. */
export function sqliteDatabase() {
  const folder = mkdtempSync(join(tmpdir(), "ocipeek-sqlite-"));
  try {
    const path = join(folder, "app.db");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 7; CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);");
    database.exec(
      "CREATE INDEX people_by_name ON people (name); CREATE VIEW names AS SELECT name FROM people;",
    );
    // So many that the schema takes more than one page.
    for (let i = 0; i < 120; i++) database.exec(`CREATE TABLE table_${i} (column_of_some_length TEXT)`);
    database.close();
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file of each kind, by its name. @returns {Record<string, Buffer>} */
export function filesOfEachKind() {
  const der = Buffer.from(
    certificate("server.pem")
      .toString()
      .replace(/-----[^-]+-----|\s/g, ""),
    "base64",
  );
  return {
    "README.md": text(HOSTILE_MARKDOWN),
    "app.db": sqliteDatabase(),
    "big.json": text(JSON_TEXT),
    "broken.json": text('{\n  "a": 1,\n  "b": oops\n}\n'),
    "bidi.txt": text("if (admin\u202e \u2066// only\u2069 \u2066) {\n"),
    "large.log": text(Array.from({ length: LARGE_LINES }, (_, i) => largeLine(i + 1)).join("")),
    "latin1.txt": Buffer.from("caf\xe9 au lait\n", "latin1"),
    "long-line.js": text(`const data = "${"x".repeat(100_000)}";\nlet after = 1;\n`),
    "page.html": text(HOSTILE_PAGE),
    "picture.png": png(30, 20),
    "picture.svg": text(HOSTILE_PICTURE),
    "roots.pem": certificate("roots.pem"),
    "server.der": der,
    "server.pem": certificate("server.pem"),
    "unseen.txt": text(Array.from({ length: 20_000 }, (_, i) => `unseen ${i}\n`).join("")),
    "utf16.txt": Buffer.from("\ufeffgrüße\r\nzeile 2\r\n", "utf16le"),
    "docs/other.md": text("# Other\n"),
    constructor: text("#!/bin/sh\necho named as a method\n"),
  };
}

/** Writes a layout with them, tagged `latest`. */
export function writeKindsLayout(dir) {
  return writeSyntheticLayout(dir, Object.entries(filesOfEachKind()), { spanSize: 64 << 10 });
}

const SPAN = 32 << 20;
/** Bytes of the huge file. */
export const HUGE_SIZE = 2 ** 32;
const PATTERN = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 151 + (i >> 4) * 7) & 0xff));
const END = text("the end of the huge file");

/** What the huge file holds from `offset` on. */
export function hugeBytes(offset, length) {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    const at = offset + i;
    const tail = at - (HUGE_SIZE - END.length);
    bytes[i] = tail >= 0 ? END[tail] : PATTERN[(at + 512) % PATTERN.length];
  }
  return bytes;
}

/**
 * Writes a layout of a layer with one file of 4 GiB, `huge.bin`, tagged `latest`. Compressed it is a few megabytes: all
 * spans but the first and last are one, repeated.
 */
export function writeHugeLayout(dir) {
  const tarSize = 512 + HUGE_SIZE + 1024;
  const compress = (bytes, isLast) =>
    deflateRawSync(bytes, { finishFlush: isLast ? constants.Z_FINISH : constants.Z_FULL_FLUSH });
  const middle = Buffer.alloc(SPAN, PATTERN);
  const first = Buffer.from(middle);
  tarHeader("huge.bin", HUGE_SIZE).copy(first);
  const rest = tarSize % SPAN;
  const last = Buffer.concat([hugeBytes(HUGE_SIZE - (rest - 1024), rest - 1024), Buffer.alloc(1024)]);
  const count = Math.ceil(tarSize / SPAN);
  const packedMiddle = compress(middle, false);
  const parts = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])];
  const checkpoints = [];
  let at = 10;
  for (let i = 0; i < count; i++) {
    checkpoints.push({ in: at, out: i * SPAN });
    const part = i === 0 ? compress(first, false) : i === count - 1 ? compress(last, true) : packedMiddle;
    parts.push(part);
    at += part.length;
  }
  // Check sum and length are of the whole, which nothing here reads.
  parts.push(Buffer.alloc(8));
  const layer = Buffer.concat(parts);
  const ztoc = ztocOf({
    entries: [{ name: "huge.bin", offset: 512, size: HUGE_SIZE }],
    digests: spanDigests(layer, checkpoints),
    checkpoints: zinfo(checkpoints, SPAN, () => Buffer.alloc(0)),
    layerSize: layer.length,
    tarSize,
  });
  const writer = layoutWriter(dir);
  writer.addIndexed("latest", { layer, diffId: `sha256:${"0".repeat(64)}`, ztoc, spanSize: SPAN });
  writer.finish();
  return { layerSize: layer.length };
}
