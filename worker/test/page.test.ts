// The page among the worker's answers: who gets it, with what headers, and what it is told of its host.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { tempFolder } from "../../tests/lib/processes.mjs";
import { type Harness, start } from "../../tests/lib/worker/harness.ts";
import { codeOf } from "../../tests/lib/worker/internet.ts";
import { CSP, IMMUTABLE, PAGE_HEADERS } from "../../web/page-policy.ts";
import { platformAssets } from "../src/answers/page.ts";
import { ConfigError, parseConfig } from "../src/config/config.ts";
import { folderAssets } from "../src/serve/assets.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
const PAGE = "<!doctype html><title>ocipeek</title>";
const FILES: Record<string, string> = {
  "index.html": PAGE,
  "icon.svg": "<svg/>",
  "-/www/worker-AB_c-1.js": "let x;",
  "-/www/ocipeek_bg-1.wasm": "\0asm",
  "-/www/notes.exe": "MZ",
  "secret.html": "not a part",
};

describe("the page", () => {
  const folder = tempFolder("assets");
  let worker: Harness;
  before(async () => {
    mkdirSync(join(folder.path, "-", "www"), { recursive: true });
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder.path, name), text);
    worker = await start(
      { OCIPEEK_DEMO: "ghcr.io/org/app:1", OCIPEEK_REGISTRIES: "ghcr.io/org/*, quay.io" },
      { assets: folderAssets(folder.path) },
    );
  });
  after(async () => {
    await worker.close();
    folder.remove();
  });

  test("is what a browser gets at /, and text what others get", async () => {
    const page = await worker.get("/", { accept: BROWSER });
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await page.text(), PAGE);
    for (const accept of ["*/*", "", "text/plain", "application/json"]) {
      const text = await worker.get("/", { accept });
      assert.match(await text.text(), /^ocipeek: every file/, accept);
      assert.equal(text.headers.get("vary"), "accept");
    }
    assert.equal(page.headers.get("vary"), "accept");
  });

  test("may run its own scripts and nothing else, in no frame; so may its worker", async () => {
    for (const path of ["/", "/icon.svg", "/-/www/worker-AB_c-1.js", "/-/config.json"]) {
      const { headers, status } = await worker.get(path, { accept: BROWSER });
      assert.equal(status, 200, path);
      for (const [name, value] of Object.entries(PAGE_HEADERS)) {
        assert.equal(headers.get(name), value, `${path} ${name}`);
      }
      assert.equal(headers.get("content-security-policy"), `${CSP}; frame-ancestors 'none'`);
      assert.equal(headers.get("access-control-allow-origin"), null);
    }
  });

  test("has parts that never change, and is asked for anew itself", async () => {
    const part = await worker.get("/-/www/ocipeek_bg-1.wasm");
    assert.equal(part.headers.get("content-type"), "application/wasm");
    assert.equal(part.headers.get("cache-control"), IMMUTABLE);
    assert.equal(await part.text(), "\0asm");
    const page = await worker.get("/", { accept: BROWSER });
    assert.equal(page.headers.get("cache-control"), "no-cache");
    const etag = page.headers.get("etag") ?? "";
    const again = await worker.get("/", { accept: BROWSER, "if-none-match": etag });
    assert.deepEqual([again.status, await again.text(), again.headers.get("etag")], [304, "", etag]);
    const head = await worker.get("/", { accept: BROWSER }, "HEAD");
    assert.deepEqual([head.headers.get("content-length"), await head.text()], [String(PAGE.length), ""]);
  });

  test("has no other parts than those it is made of", async () => {
    const paths = [
      "x.js",
      "notes.exe",
      "..%2f..%2fsecret.html",
      "../www/x.js",
      ".x.js",
      "%2e%2e",
      "a/b.js",
      "",
    ];
    for (const path of paths)
      assert.equal(await codeOf(await worker.get(`/-/www/${path}`)), "404 NOT_FOUND", path);
    assert.equal(await codeOf(await worker.get("/secret.html")), "404 NOT_FOUND");
    assert.equal(await codeOf(await worker.get("/-/")), "404 NOT_FOUND");
  });

  test("is told what the proxy reaches, and images to suggest", async () => {
    const answer = await worker.get("/-/config.json");
    assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
    assert.deepEqual(await answer.json(), {
      proxy: true,
      registries: ["ghcr.io/org/*", "quay.io", worker.host],
      passAuthorization: false,
      demo: ["ghcr.io/org/app:1"],
    });
    for (const demo of [["app"], ["a b/c"], [""], ["x/\u202e"]]) {
      assert.throws(() => parseConfig({ OCIPEEK_DEMO: demo }), ConfigError);
    }
  });

  test("is missing where a deployment has no files: all get the text", async () => {
    const bare = await start();
    try {
      assert.match(await (await bare.get("/", { accept: BROWSER })).text(), /^ocipeek: every file/);
      assert.equal(await codeOf(await bare.get("/icon.svg")), "404 NOT_FOUND");
    } finally {
      await bare.close();
    }
  });
});

test("the platform's binding: what is there, with a strong tag", async () => {
  const asked: string[] = [];
  const assets = platformAssets({
    fetch: async (url: string) => {
      asked.push(url);
      if (!url.endsWith("/icon.svg")) return new Response("no", { status: 404, headers: { etag: '"x"' } });
      return new Response("<svg/>", { headers: { etag: 'W/"abc"' } });
    },
  });
  const found = await assets?.get("/icon.svg");
  assert.deepEqual([found?.etag, await new Response(found?.body).text()], ['"abc"', "<svg/>"]);
  assert.equal(await assets?.get("/-/www/x.js"), undefined);
  assert.deepEqual(asked, ["https://assets.invalid/icon.svg", "https://assets.invalid/-/www/x.js"]);
  assert.equal(platformAssets(undefined), undefined);
  assert.equal(platformAssets({}), undefined);
});
