// Odd hosts, paths and headers, of callers and of registries: nothing is repaired, and nobody is asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codeOf,
  Internet,
  OCI_MANIFEST,
  registryOf,
  smallImage,
  worker,
} from "../../tests/lib/worker/internet.ts";

const REG = "https://reg.example";
const image = smallImage();
const MANIFEST = "/-/v2/reg.example/a/manifests/1";

test("hosts that look like a listed one", async () => {
  const internet = new Internet();
  const { raw } = worker(internet);
  const hosts = [
    "reg.example.",
    "REG.example",
    "reg.example:443",
    "reg.example:0443",
    "reg.example:8443",
    "user@reg.example",
    "reg.example@evil.example",
    "reg%2eexample",
    "reg.example%00",
    "%72eg.example",
    "reg\u3002example",
    "\uff52eg.example",
    "r\u0435g.example",
    "xn--rg-flc.example",
    "reg.example\\evil",
    "reg.example;x",
    "reg..example",
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.1:5000",
    "2130706433:80",
    "0x7f000001:80",
    "017700000001:80",
    "[::1]",
    "[::ffff:127.0.0.1]:80",
    "localhost",
    "localhost:5000",
    "169.254.169.254",
    "metadata.google.internal",
    "",
    ".",
    "..",
    "%2e%2e",
    "-",
  ];
  for (const host of hosts) {
    for (const path of [`/-/v2/${host}/a/manifests/1`, `/${host}/a:1/-/etc/passwd`, `/${host}/a:1/`]) {
      const code = await codeOf(await raw(path));
      assert.match(
        code,
        /^(?:400 INVALID_(?:URL|ARGUMENT|REFERENCE)|403 REGISTRY_NOT_ALLOWED|404 NOT_FOUND)$/,
        path,
      );
    }
  }
  assert.deepEqual([internet.seen, internet.stray], [[], []]);
});

test("encoded slashes and dots, and other odd paths", async () => {
  const internet = new Internet();
  const { raw } = worker(internet, { OCIPEEK_REGISTRIES: ["reg.example/a/**"] });
  const invalid = [
    "a%2fb/manifests/1",
    "a%2Fb/manifests/1",
    "a/b/manifests/..%2f..%2fsecret",
    "a/%2e%2e/secret/manifests/1",
    "a/../secret/manifests/1",
    "a/./b/manifests/1",
    "a//b/manifests/1",
    "/a/manifests/1",
    "a/b/manifests/1/",
    "a/b/manifests/1%00",
    "a/b/manifests/1%0d%0aHost:%20evil",
    "a/b/manifests/1;x=1",
    "a\\..\\secret/manifests/1",
    "a/b/blobs/sha256%3A00",
    "a/b/manifests/1 HTTP/1.1",
    "a/b/manifests/\u00e9",
    "a/b/tags/list%3fn=1",
  ];
  for (const rest of invalid) {
    assert.equal(await codeOf(await raw(`/-/v2/reg.example/${rest}`)), "400 INVALID_URL", rest);
  }
  for (const rest of [
    "_catalog",
    "a/blobs/uploads",
    "a/b/manifests",
    "a/b/blobs/latest",
    "A/manifests/1",
    "a",
  ]) {
    assert.equal(await codeOf(await raw(`/-/v2/reg.example/${rest}`)), "404 NOT_FOUND", rest);
  }
  assert.equal(await codeOf(await raw("/-/v2/reg.example/secret/manifests/1")), "403 REGISTRY_NOT_ALLOWED");
  assert.equal(await codeOf(await raw("/-/v2/reg.example/a/b/manifests/1?ns=x")), "400 INVALID_ARGUMENT");
  assert.equal(await codeOf(await raw('/-/v2/reg.example/a/b/tags/list?n="<>')), "400 INVALID_URL");
  for (const path of ["/-/", "/-/v2", "/-/v1/reg.example/a/manifests/1", "/-/../secret"]) {
    assert.equal(await codeOf(await raw(path)), "404 NOT_FOUND", path);
  }
  assert.deepEqual([internet.seen, internet.stray], [[], []]);
});

test("smuggling: of the caller's headers the registry sees few", async () => {
  const internet = new Internet().on(REG, registryOf(image));
  const { get } = worker(internet);
  await get(MANIFEST, {
    host: "evil.example",
    connection: "x-a",
    "transfer-encoding": "chunked",
    "x-forwarded-host": "evil.example",
    "x-http-method-override": "DELETE",
    authorization: "Basic eDp5",
    cookie: "a=b",
    origin: "https://page.example",
    referer: "https://page.example/secret",
    "cf-connecting-ip": "1.2.3.4",
    range: "bytes=0-1",
    accept: OCI_MANIFEST,
  });
  assert.deepEqual(
    [...(internet.seen[0]?.headers ?? [])],
    [
      ["accept", OCI_MANIFEST],
      ["accept-encoding", "identity"],
      ["user-agent", "ocipeek"],
    ],
  );
});

test("header injection: values of the registry pass only in their form", async () => {
  const internet = new Internet().on(REG, () => {
    const answer = new Response(image.manifest, {
      headers: {
        "content-type": 'text/html; charset="x"',
        "docker-content-digest": "sha256:evil",
        etag: "not quoted",
        "content-security-policy": "default-src *",
        "access-control-allow-origin": "null",
        "access-control-allow-credentials": "true",
        "content-disposition": 'inline; filename="x.html"',
        "cache-control": "public, max-age=999999999",
        "set-cookie": "session=1",
        "clear-site-data": '"*"',
        "strict-transport-security": "max-age=0",
        "service-worker-allowed": "/",
        refresh: "0;url=https://evil.example",
        link: '<https://evil.example/x.css>; rel="stylesheet"',
        location: "https://evil.example",
        vary: "*",
        age: "9",
      },
    });
    return answer;
  });
  const answer = await worker(internet).get(MANIFEST);
  assert.equal(answer.status, 200);
  const allowed = {
    "content-type": "application/octet-stream",
    "docker-content-digest": image.digest,
    "content-security-policy": "default-src 'none'; sandbox",
    "access-control-allow-origin": "*",
    "cache-control": "public, max-age=60",
    vary: "accept",
  };
  for (const [name, value] of Object.entries(allowed)) assert.equal(answer.headers.get(name), value, name);
  const gone =
    "etag access-control-allow-credentials content-disposition set-cookie clear-site-data strict-transport-security service-worker-allowed refresh link location age";
  for (const name of gone.split(" ")) assert.equal(answer.headers.get(name), null, name);
});
