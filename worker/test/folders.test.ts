// Folders, archives and summaries of the demo image by URL.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { merged } from "../../tests/lib/expected.mjs";
import { type Harness, sha256, start } from "../../tests/lib/worker/harness.ts";
import { encodePath } from "../../web/path.ts";
import { PAGE_CSP } from "../src/http/html.ts";

interface Entry {
  name?: string;
  nameBase64?: string;
  path?: string;
  pathBase64?: string;
  type: string;
  size: number;
  linkname?: string;
  href: string;
}

interface Summary {
  url: string;
  digest: string;
  platform: string;
  layers: { read: string }[];
  soci: { version: string };
  config: { architecture: string };
}

const failure = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string } }).error;

const lines = merged();
const TYPES: Record<string, string> = {
  reg: "file",
  dir: "directory",
  symlink: "symlink",
  char: "char-device",
  block: "block-device",
  fifo: "fifo",
};

describe("folders", () => {
  let h: Harness;
  let image: string;
  before(async () => {
    h = await start({ OCIPEEK_LIMITS: { maxSubrequests: 1000 } });
    image = `${h.image}:latest-soci/-`;
  });
  after(() => h.close());

  const list = async (path: string) => {
    const response = await h.get(`${image}/${path}`);
    assert.equal(response.status, 200, path);
    return (await response.json()) as { path: string; digest: string; entries: Entry[] };
  };

  test("without a slash lead to the slash, and keep the query", async () => {
    const response = await h.get(`${image}/etc?format=json&platform=linux/amd64`);
    assert.equal(response.status, 301);
    const location = `${image}/etc/?format=json&platform=linux%2Famd64`;
    assert.equal(response.headers.get("location"), location);
    assert.equal(response.headers.get("cache-control"), "public, max-age=60");
    // A link to a folder does so too.
    const link = lines.find(({ type, path, linkname }) => {
      return (
        type === "symlink" && lines.some((l) => l.type === "dir" && `/${l.path}` === linkname) && path !== ""
      );
    });
    assert.ok(link);
    const linked = await h.get(`${image}/${encodePath(Buffer.from(link.path))}`);
    assert.equal(linked.status, 301);
    assert.equal((await h.get(linked.headers.get("location") ?? "")).status, 200);
  });

  test("as JSON: every folder lists what is expected", async () => {
    const folders = lines.filter(({ type, path }) => type === "dir" && !path.includes("\ufffd"));
    for (const folder of folders) {
      const path = folder.path === "." ? "" : folder.path;
      const prefix = path === "" ? "" : `${path}/`;
      const { entries } = await list(`${encodePath(Buffer.from(prefix))}`);
      const expected = lines
        .filter(
          (l) => l.path !== "" && l.path.startsWith(prefix) && !l.path.slice(prefix.length).includes("/"),
        )
        .map((l) => [l.path.slice(prefix.length), TYPES[l.type], l.size ?? 0, l.linkname ?? ""]);
      const actual = entries.map((e) => [e.name, e.type, e.size, e.linkname ?? ""]);
      const sorted = (list: unknown[][]) => list.map(String).sort();
      assert.deepEqual(sorted(actual), sorted(expected), path);
    }
  });

  test("links of a listing lead to what they name", async () => {
    for (const entry of (await list("opt/odd/")).entries) {
      const base = `https://files.example${image}/opt/odd/`;
      const url = new URL(entry.href, base);
      assert.ok(url.href.startsWith(base), entry.href);
      const response = await h.handle(new Request(url, { method: "HEAD" }), {}, { waitUntil: () => {} });
      if (entry.type === "file") assert.equal(response.headers.get("content-length"), String(entry.size));
      if (entry.type === "directory") assert.equal(response.status, 200);
    }
  });

  test("names that are no text are also told in base64", async () => {
    const { entries } = await list("opt/odd/");
    const entry = entries.find((e) => e.name?.startsWith("latin1-"));
    assert.equal(Buffer.from(entry?.nameBase64 ?? "", "base64").toString("latin1"), "latin1-\xe9\xff.txt");
    assert.equal(entry?.href, "latin1-%E9%FF.txt");
    assert.ok(entries.filter((e) => e.nameBase64).length === 1);
  });

  test("as HTML where that is preferred or asked for", async () => {
    const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (const response of [
      await h.get(`${image}/opt/odd/`, { accept }),
      await h.get(`${image}/opt/odd/?format=html`),
    ]) {
      assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
      assert.equal(response.headers.get("content-security-policy"), PAGE_CSP);
      const html = await response.text();
      assert.ok(html.includes("quote&quot;and&#39;tick"));
      // Every tag in it is ours, whatever the names are.
      const tags = new Set(Array.from(html.matchAll(/<\/?([^\s>]*)/g), (match) => match[1]));
      const ours = "!doctype html head meta title style body h1 bdi p a table tr th td".split(" ");
      assert.deepEqual(
        [...tags].filter((tag) => !ours.includes(tag ?? "")),
        [],
      );
      assert.ok(!/\p{Cc}/u.test(html.replaceAll("\n", "")));
    }
    const json = await h.get(`${image}/opt/odd/?format=json`, { accept });
    assert.equal(json.headers.get("content-type"), "application/json; charset=utf-8");
    assert.equal(json.headers.get("vary"), null);
    assert.equal((await h.get(`${image}/opt/odd/`)).headers.get("vary"), "accept");
  });

  test("have ETags, one for each form, and 304", async () => {
    const urls = [
      `${image}/etc/`,
      `${image}/etc/?format=html`,
      `${image}/etc/?recursive`,
      `${image}/etc/?tar`,
    ];
    const tags = new Set<string>();
    for (const url of urls) {
      const etag = (await h.get(url, {}, "HEAD")).headers.get("etag") ?? "";
      tags.add(etag);
      assert.equal((await h.get(url, { "if-none-match": etag })).status, 304, url);
    }
    assert.equal(tags.size, urls.length);
  });

  test("HEAD has the length", async () => {
    const head = await h.get(`${image}/etc/`, {}, "HEAD");
    const get = await h.get(`${image}/etc/`);
    assert.equal(await head.text(), "");
    assert.equal(head.headers.get("content-length"), get.headers.get("content-length"));
    assert.equal((await get.arrayBuffer()).byteLength, Number(head.headers.get("content-length")));
  });

  test("recursively, one object a line", async () => {
    const response = await h.get(`${image}/?recursive`);
    assert.equal(response.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
    const all = (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Entry);
    const key = (path: string, base64?: string) => base64 ?? Buffer.from(path).toString("base64");
    const actual = all.map((e) => `${key(e.path ?? "", e.pathBase64)} ${e.type} ${e.size}`).sort();
    const expected = lines
      .filter(({ path }) => path !== "")
      .map((l) => `${key(l.path, l.path_b64)} ${TYPES[l.type]} ${l.size ?? 0}`)
      .sort();
    assert.deepEqual(actual, expected);
  });

  test("recursively, filtered", async () => {
    const paths = async (query: string) => {
      const text = await (await h.get(`${image}/${query}`)).text();
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as Entry).path);
    };
    const json = await paths("app/?recursive&glob=*/*/package.json");
    assert.ok(json.includes("node_modules/fflate/package.json") && json.length > 1);
    assert.ok(json.every((path) => /^[^/]+\/[^/]+\/package\.json$/.test(path ?? "")));
    assert.deepEqual(await paths("app/?recursive&glob=nothing*"), []);
    const bad = await h.get(`${image}/app/?recursive&glob=${encodeURIComponent("[")}`);
    assert.deepEqual([bad.status, bad.headers.get("x-ocipeek-error")], [400, "INVALID_ARGUMENT"]);
  });

  test("as a tar archive, which other programs read", async () => {
    const response = await h.get(`${image}/?tar`);
    assert.equal(response.headers.get("content-type"), "application/x-tar");
    assert.equal(response.headers.get("content-disposition"), 'attachment; filename="demo.tar"');
    assert.equal(response.headers.get("content-length"), null);
    const archive = Buffer.from(await response.arrayBuffer());
    const script = `
import hashlib, io, json, sys, tarfile
t = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), encoding="utf-8", errors="surrogateescape")
out = {}
for m in t:
    name = m.name.encode("utf-8", "surrogateescape").hex()
    out[name] = hashlib.sha256(t.extractfile(m).read()).hexdigest() if m.isreg() or m.islnk() else ""
json.dump(out, sys.stdout)`;
    const run = spawnSync("python3", ["-c", script], { input: archive, maxBuffer: 1 << 28 });
    assert.equal(run.status, 0, String(run.stderr));
    const actual = new Map(Object.entries(JSON.parse(String(run.stdout)) as Record<string, string>));
    for (const line of lines) {
      if (line.path === "") continue;
      const name = Buffer.from(line.path_b64 ?? line.path, line.path_b64 ? "base64" : "utf8").toString("hex");
      assert.equal(actual.get(name), line.type === "reg" ? line.sha256 : "", line.path);
      actual.delete(name);
    }
    assert.equal(actual.size, 0);
    const part = await h.get(`${image}/etc/?tar`);
    assert.equal(part.headers.get("content-disposition"), 'attachment; filename="etc.tar"');
    const names = spawnSync("tar", ["-tf", "-"], { input: Buffer.from(await part.arrayBuffer()) });
    assert.ok(String(names.stdout).split("\n").includes("hostname"));
  });
});

describe("the summary", () => {
  let h: Harness;
  before(async () => {
    h = await start();
  });
  after(() => h.close());

  test("says what the image is and how it is read", async () => {
    const response = await h.get(`${h.image}:latest-soci/`);
    assert.equal(response.status, 200);
    const summary = (await response.json()) as Summary;
    assert.equal(summary.platform, "linux/amd64");
    assert.equal(summary.layers.length, 6);
    assert.deepEqual(new Set(summary.layers.map((layer) => layer.read)), new Set(["ztoc"]));
    assert.equal(summary.soci.version, "v2");
    assert.equal(summary.config.architecture, "amd64");
    assert.equal(response.headers.get("content-location"), summary.url);
    assert.ok(summary.url.endsWith(`@${summary.digest}/`));
    const pinned = await h.get(summary.url);
    assert.match(pinned.headers.get("cache-control") ?? "", /immutable/);
    const etag = response.headers.get("etag") ?? "";
    assert.equal((await h.get(`${h.image}:latest-soci/`, { "if-none-match": etag })).status, 304);
    const head = await h.get(`${h.image}:latest-soci/`, {}, "HEAD");
    assert.equal(head.headers.get("content-length"), response.headers.get("content-length"));
    assert.equal(await head.text(), "");
  });

  test("without a slash leads to the slash", async () => {
    const response = await h.get(`${h.image}:latest`);
    assert.deepEqual([response.status, response.headers.get("location")], [301, `${h.image}:latest/`]);
  });
});

describe("other URLs", () => {
  let h: Harness;
  before(async () => {
    h = await start();
  });
  after(() => h.close());

  test("pages", async () => {
    for (const [path, begin] of [
      ["/", "ocipeek: "],
      ["/healthz", "ok\n"],
      ["/robots.txt", "User-agent: *\nDisallow: /"],
    ] as const) {
      const response = await h.get(path);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
      assert.ok((await response.text()).startsWith(begin));
      const head = await h.get(path, {}, "HEAD");
      assert.equal(head.headers.get("content-length"), response.headers.get("content-length"));
    }
    assert.deepEqual(h.requests(), []);
  });

  test("404 and 405, as JSON or text by Accept", async () => {
    const json = await h.get("/favicon.ico");
    assert.equal(json.status, 404);
    assert.equal((await failure(json)).code, "NOT_FOUND");
    const text = await h.get("/favicon.ico", { accept: "text/html, */*;q=0.1" });
    assert.equal(text.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.match(await text.text(), /^NOT_FOUND: /);
    assert.equal(text.headers.get("vary"), "accept");
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const response = await h.get(`${h.image}/-/etc/hostname`, {}, method);
      assert.equal(response.status, 405);
      assert.equal(response.headers.get("allow"), "GET, HEAD, OPTIONS");
      assert.equal((await failure(response)).code, "METHOD_NOT_ALLOWED");
    }
    assert.deepEqual(h.requests(), []);
  });

  test("CORS preflight", async () => {
    const response = await h.get(`${h.image}/-/etc/hostname`, { origin: "https://page.example" }, "OPTIONS");
    assert.equal(response.status, 204);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.match(response.headers.get("access-control-allow-headers") ?? "", /\brange\b/);
    assert.doesNotMatch(response.headers.get("access-control-allow-headers") ?? "", /authorization/);
  });

  test("every answer has an id, which the log has too", async () => {
    const response = await h.get("/healthz", { "cf-ray": "8f00ba4-FRA" });
    assert.equal(response.headers.get("x-request-id"), "8f00ba4-FRA");
    assert.equal(h.logs().at(-1)?.id, "8f00ba4-FRA");
    const other = await h.get("/healthz", { "cf-ray": 'x" onload=' });
    assert.match(other.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  });

  test("a body is what it was hashed as", async () => {
    assert.equal((await sha256(await h.get("/healthz"))).length, 64);
  });
});
