// What URLs mean, read from their raw text.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { encodePath } from "../../web/path.ts";
import { HttpError } from "../src/errors.ts";
import { imageUrl, parseRoute, type Route, type TreeRoute } from "../src/request/route.ts";

const D = `sha256:${"a".repeat(64)}`;
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

function tree(url: string): TreeRoute {
  const route = parseRoute(url);
  assert.equal(route.kind, "tree", url);
  return route as TreeRoute;
}

function refused(url: string): string {
  try {
    parseRoute(url);
  } catch (error) {
    assert.ok(error instanceof HttpError, String(error));
    return error.code;
  }
  return "none";
}

describe("images", () => {
  const names: [string, Partial<TreeRoute["image"]>][] = [
    ["/ghcr.io/org/app:1.2", { registry: "ghcr.io", repository: "org/app", tag: "1.2", digest: undefined }],
    ["/ghcr.io/org/app", { tag: "latest" }],
    [`/ghcr.io/org/app@${D}`, { tag: undefined, digest: D }],
    [`/ghcr.io/org/app:1@${D}`, { tag: "1", digest: D }],
    ["/docker.io/alpine", { repository: "library/alpine" }],
    ["/docker.io/library/alpine", { repository: "library/alpine" }],
    ["/docker.io/grafana/grafana", { repository: "grafana/grafana" }],
    ["/localhost:5000/a", { registry: "localhost:5000", repository: "a" }],
    ["/127.0.0.1:5000/a", { registry: "127.0.0.1:5000" }],
    ["/localhost/a", { registry: "localhost" }],
    ["/r.example/a/b.c/d__e/f---g/h_i", { repository: "a/b.c/d__e/f---g/h_i" }],
    ["/xn--bcher-kva.example/a", { registry: "xn--bcher-kva.example" }],
  ];
  for (const [url, expected] of names) {
    test(url, () => {
      for (const below of ["/-/x", "/"]) {
        const route = parseRoute(url + below);
        assert.ok("image" in route);
        assert.deepEqual({ ...route.image, ...expected }, route.image);
      }
    });
  }

  test("without a slash leads to the slash", () => {
    const to = (url: string) => (parseRoute(url) as Extract<Route, { kind: "redirect" }>).location;
    assert.equal(to("/ghcr.io/o/a:1"), "/ghcr.io/o/a:1/");
    assert.equal(to("/ghcr.io/o/a:1?platform=linux/arm64"), "/ghcr.io/o/a:1/?platform=linux%2Farm64");
    assert.equal(to("/ghcr.io/o/a:1/-?tar"), "/ghcr.io/o/a:1/-/?tar");
  });

  test("are written back", () => {
    assert.equal(imageUrl(tree(`/ghcr.io/org/app:1@${D}/-/x`).image), `/ghcr.io/org/app:1@${D}`);
  });
});

describe("the table of references", () => {
  const file = new URL("../../tests/fixtures/names.json", import.meta.url);
  const table = JSON.parse(readFileSync(file, "utf8"));
  // A URL takes no other form of a name than the one that the table has for it: a registry is always written.
  test("is understood alike, or refused", () => {
    for (const { text, url, registry, repository, tag, digest } of table.references) {
      const where = encodeURI(`/${text}/-/x`);
      if (!url) assert.notEqual(refused(where), "none", text);
      else {
        const expected = { registry, repository, tag: tag ?? (digest ? undefined : "latest"), digest };
        assert.deepEqual(tree(where).image, expected, text);
      }
    }
    for (const text of table.refused) assert.notEqual(refused(`/${text}/-/x`), "none", text);
  });
});

describe("paths", () => {
  const at = (path: string) => latin1(tree(`/r.example/a/-/${path}`).path);
  test("are bytes", () => {
    assert.equal(at("etc/os-release"), "etc/os-release");
    assert.equal(at("a%20b/%E6%96%87"), "a b/\xe6\x96\x87");
    assert.equal(at("latin1-%e9%FF"), "latin1-\xe9\xff");
    assert.equal(at("x%5Cy%25%3F%23%22"), 'x\\y%?#"');
    assert.equal(at("a+b:c@d;e=f,$&'()*!~"), "a+b:c@d;e=f,$&'()*!~");
    assert.equal(at("%0d%0a%1b"), "\r\n\x1b");
    assert.equal(at("..."), "...");
    assert.equal(at(".a/..b"), ".a/..b");
    assert.equal(at("%2e%2e%2e"), "...");
  });
  test("with a slash mean a folder; the root is one", () => {
    assert.deepEqual([tree("/r.example/a/-/etc/").slash, at("etc/")], [true, "etc"]);
    assert.deepEqual([tree("/r.example/a/-/etc").slash, at("etc")], [false, "etc"]);
    assert.deepEqual([tree("/r.example/a/-/").slash, at("")], [true, ""]);
  });
  test("may hold what separates them from the image", () => {
    assert.equal(at("a/-/b"), "a/-/b");
    assert.equal(at("-/v2"), "-/v2");
  });
  test("survive encoding", () => {
    const all = Uint8Array.from({ length: 255 }, (_, i) => i + 1).filter((byte) => byte !== 0x2f);
    assert.deepEqual(tree(`/r.example/a/-/${encodePath(all)}`).path, all);
    assert.match(encodePath(all), /^[A-Za-z0-9\-._~%]+$/);
  });
});

describe("absolute URLs", () => {
  test("are the same as their paths", () => {
    assert.equal(latin1(tree("https://files.example/r.example/a/-/x?download#y").path), "x");
    assert.equal(parseRoute("https://files.example").kind, "home");
    assert.equal(parseRoute("https://files.example/?x=y").kind, "home");
    assert.equal(parseRoute("http://[::1]:8080/healthz").kind, "health");
  });
});

describe("the distribution API", () => {
  const target = (url: string) => (parseRoute(url) as Extract<Route, { kind: "proxy" }>).target;
  test("goes on as it is", () => {
    assert.deepEqual(target("/-/v2/ghcr.io/org/app/manifests/1?n=2&last=%2F"), {
      registry: "ghcr.io",
      rest: "org/app/manifests/1",
      query: "?n=2&last=%2F",
    });
    assert.deepEqual(target("/-/v2/ghcr.io/"), { registry: "ghcr.io", rest: "", query: "" });
  });
  test("is all there is below /-/", () => {
    for (const url of ["/-", "/-/", "/-/v2", "/-/v2/ghcr.io", "/-/v1/ghcr.io/x", "/-/x"]) {
      assert.equal(refused(url), "NOT_FOUND", url);
    }
    assert.equal(refused("/-/v2/ghcr.io./x"), "INVALID_URL");
  });
});

describe("query", () => {
  const params = (query: string) => tree(`/r.example/a/-/x/?${query}`).params;
  test("is read", () => {
    assert.deepEqual(params(`platform=linux/arm64/v8&layer=${D}&download`), {
      platform: "linux/arm64/v8",
      layer: D,
      download: true,
    });
    assert.deepEqual(params("recursive=1&glob=**%2F*.so"), { recursive: true, glob: "**/*.so" });
    assert.deepEqual(params("tar="), { tar: true });
    assert.deepEqual(params("format=html"), { format: "html" });
  });
  for (const query of [
    "platfrom=linux/arm64",
    "platform=linux",
    "platform=LINUX/AMD64",
    "platform=linux/amd64&platform=linux/arm64",
    "layer=sha256:12",
    `layer=${D.toUpperCase()}`,
    "layer=0",
    "download=no",
    "format=xml",
    "glob=*.so",
    "recursive&glob=",
    `recursive&glob=${"*".repeat(1025)}`,
    "recursive&tar",
    "recursive&format=json",
    "tar&format=json",
    "__proto__=1",
    "constructor",
  ]) {
    test(`is refused: ${query.slice(0, 50)}`, () =>
      assert.equal(refused(`/r.example/a/-/x/?${query}`), "INVALID_ARGUMENT"));
  }
  test("of an image has a platform only", () => {
    assert.equal(refused("/r.example/a/?tar"), "INVALID_ARGUMENT");
    const route = parseRoute("/r.example/a/?platform=linux/arm64") as Extract<Route, { kind: "image" }>;
    assert.deepEqual(route.params, { platform: "linux/arm64" });
  });
});

describe("refused by name", () => {
  const invalid = [
    "/r.example/a/-/x%2Fy",
    "/r.example/a/-/x%2fy",
    "/r.example%2Fa/-/x",
    "/r.example/a%2Fb/-/x",
    "/r.example/a/-/../x",
    "/r.example/a/-/x/..",
    "/r.example/a/-/./x",
    "/r.example/a/-/%2e%2e/x",
    "/r.example/a/-/.%2E/x",
    "/r.example/a/-/x/%2e/",
    "/r.example/a/-//x",
    "/r.example/a/-/x//y",
    "/r.example/a/-/x//",
    "/r.example/a/-//",
    "/r.example//a/-/x",
    "//r.example/a/-/x",
    "///",
    "/r.example/../a/-/x",
    "/r.example/./a/-/x",
    "/r.example/a/-/x\\y",
    "/r.example\\a/-/x",
    "/r.example/a/-/x y",
    "/r.example/a/-/\u00e9",
    "/r.example/a/-/x\ty",
    "/r.example/a/-/x%00y",
    "/r.example/a/-/x%",
    "/r.example/a/-/x%4",
    "/r.example/a/-/x%zz",
    "/r.example/a/-/%u0041",
    "/R.example/a/-/x",
    "/r.example./a/-/x",
    "/r..example/a/-/x",
    "/.r.example/a/-/x",
    "/-r.example/a/-/x",
    "/r_x.example/a/-/x",
    "/r.ex\u0430mple/a/-/x",
    "/r.ex%D0%B0mple/a/-/x",
    "/\uff47hcr.io/a/-/x",
    "/r\u3002example/a/-/x",
    "/user@r.example/a/-/x",
    "/user:pass@r.example/a/-/x",
    "/r.example:0/a/-/x",
    "/r.example:65536/a/-/x",
    "/r.example:080/a/-/x",
    "/r.example:/a/-/x",
    "/r.example:443:5/a/-/x",
    "/[::1]:5000/a/-/x",
    "/%5B::1%5D:5000/a/-/x",
    "/r.example/A/-/x",
    "/r.example/a:/-/x",
    "/r.example/a:.x/-/x",
    `/r.example/a:${"t".repeat(129)}/-/x`,
    "/r.example/a:1:2/-/x",
    "/r.example/a:1/b/-/x",
    "/r.example/a@sha256:12/-/x",
    `/r.example/a@${D.toUpperCase()}/-/x`,
    `/r.example/a@${D}@${D}/-/x`,
    `/r.example/a@${D}:1/-/x`,
    "/r.example/a%3A1/-/x",
    "/r.example/a.-b/-/x",
    "/r.example/a___b/-/x",
    `/r.example/${"a/".repeat(200)}a/-/x`,
    `/r.example/a/-/${"x".repeat(17_000)}`,
  ];
  for (const url of invalid) {
    test(JSON.stringify(url.slice(0, 60)), () => assert.equal(refused(url), "INVALID_URL"));
  }
  test("what is no image at all is not found", () => {
    for (const url of ["/favicon.ico", "/wp-admin/setup.php", "/x/-/y", "/x/y/z/", "/r.example/-/x"]) {
      assert.equal(refused(url), "NOT_FOUND", url);
    }
  });
  test("in time that grows with the length", () => {
    const start = performance.now();
    refused(`/r.example/${"a-".repeat(4000)}/-/x`);
    refused(`/r.example/${"a_".repeat(4000)}/-/x`);
    refused(`/r.example/a/-/${"%".repeat(8000)}`);
    refused(`/${"a.".repeat(4000)}/x/`);
    assert.ok(performance.now() - start < 200);
  });
});
