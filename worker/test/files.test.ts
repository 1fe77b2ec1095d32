// Files of the demo image by URL: content, ranges, conditions, and the headers that go with them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { layers, merged } from "../../tests/lib/expected.mjs";
import { IMAGE } from "../../tests/lib/variants.mjs";
import { type Harness, sha256, start } from "../../tests/lib/worker/harness.ts";
import { encodePath } from "../../web/path.ts";

interface Line {
  path: string;
  path_b64?: string;
  type: string;
  size: number;
  sha256: string;
  mtime_ns?: string;
  linkname?: string;
}

const lines: Line[] = merged();
const bytesOf = (line: Line) => Buffer.from(line.path_b64 ?? line.path, line.path_b64 ? "base64" : "utf8");
const BUNDLE = "opt/app/bin/bundle.bin";

describe("files", () => {
  let h: Harness;
  let image: string;
  before(async () => {
    h = await start();
    image = `${h.image}:latest-soci/-`;
  });
  after(() => h.close());

  test("every regular file has the content that is expected", async () => {
    const files = lines.filter((line) => line.type === "reg");
    assert.ok(files.length > 2000);
    let bytes = 0;
    for (const line of files) {
      const response = await h.get(`${image}/${encodePath(bytesOf(line))}`);
      assert.equal(response.status, 200, line.path);
      assert.equal(response.headers.get("content-length"), String(line.size), line.path);
      assert.equal(await sha256(response), line.sha256, line.path);
      assert.ok(!/html|xml|script|pdf|css/.test(response.headers.get("content-type") ?? ""), line.path);
      bytes += line.size;
    }
    await h.idle();
    const sent = h.logs().reduce((sum, record) => sum + Number(record.sent), 0);
    assert.equal(sent, bytes);
  });

  test("links lead to files and folders, and dangling ones nowhere", async () => {
    const links = lines.filter((line) => line.type === "symlink");
    const seen = new Map<number, number>();
    for (const line of links) {
      const response = await h.get(`${image}/${encodePath(bytesOf(line))}`, {}, "HEAD");
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
      const code = response.headers.get("x-ocipeek-error");
      if (response.status === 404)
        assert.ok(code === "ENOENT" || code === "ENOTDIR", `${line.path}: ${code}`);
      if (response.status === 422) assert.ok(code === "ELOOP" || code === "EINVAL", `${line.path}: ${code}`);
    }
    assert.deepEqual([...seen.keys()].sort(), [200, 301, 404, 422]);
    const shell = await h.get(`${image}/bin/cat`);
    const toybox = lines.find((line) => line.path === "bin/toybox");
    assert.equal(await sha256(shell), toybox?.sha256);
  });

  test("what is no file and no folder has no content", async () => {
    for (const line of lines.filter(({ type }) => ["fifo", "char", "block"].includes(type))) {
      const response = await h.get(`${image}/${encodePath(bytesOf(line))}`);
      assert.equal(response.status, 422, line.path);
      assert.equal(response.headers.get("x-ocipeek-error"), "EINVAL");
    }
  });

  test("what is not there is 404, with the code", async () => {
    const codes: [string, string][] = [
      ["etc/nothing", "ENOENT"],
      ["etc/hostname/x", "ENOTDIR"],
      ["etc/hostname/", "ENOTDIR"],
      ["etc/hostname?tar", "ENOTDIR"],
      ["etc/hostname?recursive", "ENOTDIR"],
      ["etc/hostname?format=json", "ENOTDIR"],
    ];
    for (const [path, code] of codes) {
      const response = await h.get(`${image}/${path}`);
      assert.equal(response.status, 404, path);
      const { error } = (await response.json()) as { error: { code: string; status: number } };
      assert.deepEqual([error.code, error.status], [code, 404], path);
      assert.equal(response.headers.get("x-ocipeek-error"), code);
      assert.equal(response.headers.get("cache-control"), "no-store");
    }
  });

  test("HEAD is GET without content: the same headers, and no content read", async () => {
    const fresh = await start({}, {});
    try {
      const path = `${fresh.image}:latest-soci/-/usr/share/zoneinfo/Europe/Berlin`;
      const head = await fresh.get(path, {}, "HEAD");
      assert.equal(await head.text(), "");
      assert.ok(!fresh.requests().some((request) => / bytes=/.test(request)), "no span is fetched");
      const get = await fresh.get(path);
      assert.ok(fresh.requests().every((request) => / bytes=/.test(request)));
      const varying = ["server-timing", "x-request-id", "x-ocipeek-bytes", "x-ocipeek-requests"];
      const rest = (response: Response) => [...response.headers].filter(([name]) => !varying.includes(name));
      assert.deepEqual(rest(head), rest(get));
      assert.equal(Number(get.headers.get("content-length")), (await get.arrayBuffer()).byteLength);
      // Range is for GET alone.
      const ranged = await fresh.get(path, { range: "bytes=0-3" }, "HEAD");
      assert.equal(ranged.status, 200);
      assert.deepEqual(rest(ranged), rest(get));
    } finally {
      await fresh.close();
    }
  });

  test("ranges, at the borders of spans too", async () => {
    const whole = new Uint8Array(await (await h.get(`${image}/${BUNDLE}`)).arrayBuffer());
    const size = whole.length;
    const span = 128 << 10;
    const borders = [0, 1, 511, span - 1, span, span + 1, 2 * span, 5 * span - 1, size - 1];
    for (const from of borders) {
      for (const length of [1, 2, span, size]) {
        const to = Math.min(from + length, size);
        const response = await h.get(`${image}/${BUNDLE}`, { range: `bytes=${from}-${from + length - 1}` });
        assert.equal(response.status, 206);
        assert.equal(response.headers.get("content-range"), `bytes ${from}-${to - 1}/${size}`);
        assert.equal(response.headers.get("content-length"), String(to - from));
        const part = new Uint8Array(await response.arrayBuffer());
        assert.ok(Buffer.from(part).equals(whole.subarray(from, to)), `${from}+${length}`);
      }
    }
    const suffix = await h.get(`${image}/${BUNDLE}`, { range: "bytes=-7" });
    assert.equal(suffix.headers.get("content-range"), `bytes ${size - 7}-${size - 1}/${size}`);
    assert.ok(Buffer.from(await suffix.arrayBuffer()).equals(whole.subarray(-7)));
    const open = await h.get(`${image}/${BUNDLE}`, { range: `bytes=${size - 3}-` });
    assert.equal((await open.arrayBuffer()).byteLength, 3);
    const several = await h.get(`${image}/${BUNDLE}`, { range: "bytes=0-1,5-6" });
    assert.equal(several.status, 200);
    assert.equal((await several.arrayBuffer()).byteLength, size);
  });

  test("a range beyond the end is 416", async () => {
    const { size } = lines.find(({ path }) => path === BUNDLE) as Line;
    for (const range of [`bytes=${size}-`, "bytes=99999999999-", "bytes=-0"]) {
      const response = await h.get(`${image}/${BUNDLE}`, { range });
      assert.equal(response.status, 416);
      assert.equal(response.headers.get("content-range"), `bytes */${size}`);
      assert.equal(response.headers.get("x-ocipeek-error"), "RANGE_NOT_SATISFIABLE");
    }
  });

  test("an empty file", async () => {
    const empty = lines.find((line) => line.type === "reg" && line.size === 0) as Line;
    const url = `${image}/${encodePath(bytesOf(empty))}`;
    const response = await h.get(url);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-length"), "0");
    assert.equal(await response.text(), "");
    assert.equal((await h.get(url, { range: "bytes=0-" })).status, 416);
  });

  test("conditions", async () => {
    const url = `${image}/etc/hostname`;
    const first = await h.get(url);
    const etag = first.headers.get("etag") ?? "";
    const same = await h.get(url, { "if-none-match": etag });
    assert.equal(same.status, 304);
    assert.equal(await same.text(), "");
    for (const name of ["etag", "cache-control", "content-location", "last-modified"]) {
      assert.equal(same.headers.get(name), first.headers.get(name), name);
    }
    assert.equal(same.headers.get("content-length"), null);
    assert.equal((await h.get(url, { "if-none-match": `W/${etag}` }, "HEAD")).status, 304);
    assert.equal((await h.get(url, { "if-none-match": '"x"' })).status, 200);
    const failed = await h.get(url, { "if-match": '"x"' });
    assert.deepEqual([failed.status, failed.headers.get("x-ocipeek-error")], [412, "PRECONDITION_FAILED"]);
    const range = { range: "bytes=0-1" };
    assert.equal((await h.get(url, { ...range, "if-range": etag })).status, 206);
    assert.equal((await h.get(url, { ...range, "if-range": '"x"' })).status, 200);
    assert.equal((await h.get(url, { ...range, "if-none-match": etag })).status, 304);
    // A date says little below a tag, and enough below a digest.
    const since = { "if-modified-since": first.headers.get("last-modified") ?? "" };
    assert.equal((await h.get(url, since)).status, 200);
    assert.equal((await h.get(first.headers.get("content-location") ?? "", since)).status, 304);
  });

  test("ETags come from digests: the same under every tag and digest, another for another file", async () => {
    const tags = await Promise.all(
      [`${h.image}:latest-soci`, `${h.image}:latest`, `${h.image}@${IMAGE}`].map(async (name) => {
        const response = await h.get(`${name}/-/etc/hostname`, {}, "HEAD");
        return response.headers.get("etag");
      }),
    );
    assert.equal(new Set(tags).size, 1);
    assert.match(tags[0] ?? "", /^"[\x21\x23-\x7e]+"$/);
    const other = await h.get(`${image}/etc/passwd`, {}, "HEAD");
    assert.notEqual(other.headers.get("etag"), tags[0]);
    const long = lines.filter((line) => line.type === "reg" && line.path.length > 250);
    assert.ok(long.length > 0);
    for (const line of long) {
      const response = await h.get(`${image}/${encodePath(bytesOf(line))}`, {}, "HEAD");
      // Other names of a short one are that one.
      assert.match(response.headers.get("etag") ?? "", /^"[0-9a-f]{32}(\/opt\/odd\/deep-hardlink)?"$/);
    }
  });

  test("a tag is kept shortly and names the URL that never changes; a digest is immutable", async () => {
    const tagged = await h.get(`${image}/etc/hostname?platform=linux/amd64&download`);
    assert.equal(tagged.headers.get("cache-control"), "public, max-age=60, no-transform");
    const pinned = tagged.headers.get("content-location") ?? "";
    assert.match(pinned, /\/demo@sha256:[0-9a-f]{64}\/-\/etc\/hostname\?download$/);
    const response = await h.get(pinned);
    assert.equal(response.headers.get("cache-control"), "public, max-age=31536000, immutable, no-transform");
    assert.equal(response.headers.get("content-location"), null);
    assert.equal(await sha256(response), await sha256(tagged));
    assert.match(tagged.headers.get("x-ocipeek-verified") ?? "", /^manifest=tag, /);
    assert.equal(
      response.headers.get("x-ocipeek-verified"),
      "manifest=digest, metadata=ztoc-digest, index=image, content=span-digest, header",
    );
  });

  test("dates: past ones only", async () => {
    let [past, none] = [0, 0];
    for (const line of lines.filter(({ path, type }) => type === "reg" && path.startsWith("opt/odd/"))) {
      const response = await h.get(`${image}/${encodePath(bytesOf(line))}`, {}, "HEAD");
      const ms = Math.floor(Number(BigInt(line.mtime_ns ?? "0") / 1_000_000n));
      const value = response.headers.get("last-modified");
      if (ms < 0 || ms > Date.now()) {
        assert.equal(value, null, line.path);
        none += 1;
      } else {
        assert.equal(Date.parse(value ?? ""), Math.floor(ms / 1000) * 1000, line.path);
        past += 1;
      }
    }
    assert.ok(past > 0 && none > 0);
  });

  test("one layer alone, by its digest", async () => {
    const summary = (await (await h.get(`${h.image}:latest-soci/`)).json()) as {
      layers: { digest: string; files: string }[];
    };
    const base = summary.layers[0];
    assert.ok(base);
    const shown = new Map(lines.map((line) => [line.path, line]));
    const replaced = (layers()[0] as Line[]).find(
      ({ path, type, sha256 }) =>
        type === "reg" && shown.get(path)?.type === "reg" && shown.get(path)?.sha256 !== sha256,
    );
    assert.ok(replaced);
    const path = encodePath(bytesOf(replaced));
    const lower = await h.get(`${image}/${path}?layer=${base.digest}`);
    const top = await h.get(`${image}/${path}`);
    assert.equal(await sha256(lower), replaced.sha256);
    assert.notEqual(await sha256(top), replaced.sha256);
    assert.notEqual(lower.headers.get("etag"), top.headers.get("etag"));
    assert.equal(lower.headers.get("x-ocipeek-layer"), base.digest);
    assert.ok(lower.headers.get("content-location")?.endsWith(`?layer=${encodeURIComponent(base.digest)}`));
    const root = await h.get(base.files);
    assert.equal(root.status, 200);
    const none = await h.get(`${image}/etc/hostname?layer=sha256:${"0".repeat(64)}`);
    assert.deepEqual([none.status, none.headers.get("x-ocipeek-error")], [404, "NOT_FOUND"]);
  });

  test("types and names keep content from running", async () => {
    const cases: [string, string, string][] = [
      ["etc/os-release", "text/plain; charset=utf-8", 'inline; filename="os-release"'],
      ["etc/os-release?download", "text/plain; charset=utf-8", 'attachment; filename="os-release"'],
      ["app/node_modules/fflate/package.json", "application/json", 'inline; filename="package.json"'],
      ["app/node_modules/lodash/lodash.js", "application/octet-stream", 'attachment; filename="lodash.js"'],
      [BUNDLE, "application/octet-stream", 'attachment; filename="bundle.bin"'],
      [
        "opt/odd/latin1-%E9%FF.txt",
        "text/plain; charset=utf-8",
        "inline; filename=\"latin1-__.txt\"; filename*=UTF-8''latin1-%EF%BF%BD%EF%BF%BD.txt",
      ],
    ];
    for (const [path, type, disposition] of cases) {
      const response = await h.get(`${image}/${path}`, {}, "HEAD");
      assert.equal(response.headers.get("content-type"), type, path);
      assert.equal(response.headers.get("content-disposition"), disposition, path);
    }
    const odd = lines.filter(({ path }) => path.startsWith("opt/odd/"));
    const urls = [
      "etc/os-release",
      "etc/nothing",
      "etc/",
      "etc",
      "?tar",
      ...odd.map((l) => encodePath(bytesOf(l))),
    ];
    for (const path of urls) {
      const response = await h.get(`${image}/${path}`, {}, "HEAD");
      assert.equal(response.headers.get("content-security-policy"), "default-src 'none'; sandbox", path);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff", path);
      assert.equal(response.headers.get("x-frame-options"), "DENY", path);
      assert.equal(response.headers.get("cross-origin-resource-policy"), "cross-origin", path);
      assert.equal(response.headers.get("access-control-allow-origin"), "*", path);
    }
  });

  test("a stream that its reader leaves frees the image for others", async () => {
    const response = await h.get(`${image}/${BUNDLE}`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    assert.ok(value && value.length > 0);
    await reader.cancel();
    await h.idle();
    const record = h.logs().at(-1);
    assert.equal(record?.code, "ABORTED");
    assert.equal(record?.level, "info");
    assert.equal(record?.sent, value.length);
    h.requests();
    assert.equal((await h.get(`${image}/etc/hostname`)).headers.get("x-ocipeek-requests"), "0");
    assert.deepEqual(h.requests(), [], "the image is still open");
  });
});
