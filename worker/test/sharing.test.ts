// Who may read an answer: pages of other origins, caches on the way, and whoever calls a server by a name.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  digestOf,
  Internet,
  json,
  registryOf,
  type Seen,
  smallImage,
  worker,
} from "../../tests/lib/worker/internet.ts";
import { ConfigError, parseConfig } from "../src/config/config.ts";
import { operatorReads } from "../src/registry/credentials.ts";
import { hostCheck } from "../src/serve/host.ts";

const PAGE = "https://page.example";
const image = smallImage();
const DOCKER_CONFIG = { auths: { "reg.example": { auth: btoa("op:s3cret") } } };

/** A registry that wants the operator's credentials, and one that wants none. */
function internet(): Internet {
  const guarded = (seen: Seen): Response | undefined => {
    const given = seen.headers.get("authorization");
    if (seen.url.pathname === "/token") return json({ token: given === null ? "anonymous" : "operators" });
    if (given === "Bearer operators") return undefined;
    const challenge = 'Bearer realm="https://reg.example/token",service="r",scope="repository:a:pull"';
    return json({ errors: [{ code: "UNAUTHORIZED" }] }, { "www-authenticate": challenge }, 401);
  };
  return new Internet()
    .on("https://reg.example", registryOf(image, guarded))
    .on("https://registry-1.docker.io", registryOf(image));
}

/** Every kind of answer about a registry: method, path, headers, status. */
function answers(registry: string): [string, string, Record<string, string>, number][] {
  const api = `/-/v2/${registry}/a/b`;
  const pinned = `/${registry}/a/b@${image.digest}`;
  return [
    ["GET", `/-/v2/${registry}/`, {}, 200],
    ["GET", `${api}/manifests/1`, {}, 200],
    ["HEAD", `${api}/manifests/1`, {}, 200],
    ["GET", `${api}/manifests/${image.digest}`, {}, 200],
    ["GET", `${api}/blobs/${image.layer}`, {}, 200],
    ["GET", `${api}/blobs/${image.layer}`, { range: "bytes=0-9" }, 206],
    ["GET", `${api}/blobs/${digestOf("none")}`, {}, 404],
    ["GET", `${api}/manifests/1?x`, {}, 400],
    ["GET", `${api}/../b/manifests/1`, {}, 400],
    ["DELETE", `${api}/manifests/1`, {}, 405],
    ["OPTIONS", `${api}/manifests/1`, {}, 204],
    ["GET", `/${registry}/a/b:1/-/hello.txt`, {}, 200],
    ["HEAD", `/${registry}/a/b:1/-/hello.txt`, {}, 200],
    ["GET", `${pinned}/-/hello.txt`, {}, 200],
    ["GET", `${pinned}/-/hello.txt`, { range: "bytes=0-1" }, 206],
    ["GET", `${pinned}/-/hello.txt`, { "if-none-match": "*" }, 304],
    ["GET", `${pinned}/-/hello.txt`, { "if-match": '"x"' }, 412],
    ["GET", `${pinned}/-/hello.txt`, { range: "bytes=99-" }, 416],
    ["GET", `${pinned}/-/none`, {}, 404],
    ["GET", `${pinned}/-/`, {}, 200],
    ["GET", `${pinned}/-/`, { accept: "text/html" }, 200],
    ["GET", `${pinned}/-/?recursive`, {}, 200],
    ["GET", `${pinned}/-/?tar`, {}, 200],
    ["GET", `${pinned}/`, {}, 200],
    ["POST", `${pinned}/`, {}, 405],
    ["OPTIONS", `${pinned}/`, {}, 204],
  ];
}

async function ask(
  at: ReturnType<typeof worker>,
  [method, path, headers, status]: [string, string, Record<string, string>, number],
): Promise<Headers> {
  const answer = path.includes("..") ? await at.raw(path) : await at.get(path, headers, method);
  assert.equal(answer.status, status, `${method} ${path}: ${await answer.clone().text()}`);
  return answer.headers;
}

describe("answers that the operator's credentials opened", () => {
  test("are no other page's, and no cache's on the way", async () => {
    for (const allowed of [undefined, "*", `* ${PAGE}`, PAGE]) {
      const at = worker(internet(), {
        OCIPEEK_DOCKER_CONFIG: DOCKER_CONFIG,
        ...(allowed ? { OCIPEEK_ALLOWED_ORIGINS: allowed } : {}),
      });
      const isListed = allowed?.includes(PAGE) === true;
      for (const [method, path, headers, status] of answers("reg.example")) {
        for (const origin of [PAGE, "https://evil.example", "null", "*"]) {
          const what = `${method} ${path} ${status} from ${origin}, allowed ${allowed}`;
          if (path.includes("..")) continue;
          const got = await ask(at, [method, path, { ...headers, origin }, status]);
          assert.equal(
            got.get("access-control-allow-origin"),
            isListed && origin === PAGE ? PAGE : null,
            what,
          );
          assert.equal(
            got.get("timing-allow-origin"),
            isListed && origin === PAGE && method !== "OPTIONS" ? PAGE : null,
            what,
          );
          assert.match(got.get("vary") ?? "", /\borigin\b/, what);
          assert.doesNotMatch(got.get("cache-control") ?? "", /public|s-maxage/, what);
          if (method !== "OPTIONS") {
            assert.equal(got.get("cross-origin-resource-policy"), "same-origin", what);
          }
          assert.equal(got.get("access-control-allow-credentials"), null, what);
        }
      }
    }
  });

  test("may be kept by their caller", async () => {
    const { get } = worker(internet(), { OCIPEEK_DOCKER_CONFIG: DOCKER_CONFIG });
    for (const [path, kept] of [
      [`/reg.example/a@${image.digest}/-/hello.txt`, "private, max-age=31536000, immutable, no-transform"],
      ["/reg.example/a:1/-/hello.txt", "private, max-age=60, no-transform"],
      ["/reg.example/a:1/", "private, max-age=60"],
      ["/-/v2/reg.example/a/manifests/1", "private, max-age=60"],
      [`/-/v2/reg.example/a/manifests/${image.digest}`, "private, max-age=31536000, immutable"],
    ] as const) {
      assert.equal((await get(path)).headers.get("cache-control"), kept, path);
    }
  });

  test("are told from those of a registry for which there are none", async () => {
    const at = worker(internet(), { OCIPEEK_DOCKER_CONFIG: DOCKER_CONFIG });
    for (const one of answers("docker.io").filter(([, path]) => !path.includes(".."))) {
      const [method, path] = one;
      const got = await ask(at, [method, path, { ...one[2], origin: PAGE }, one[3]]);
      assert.equal(got.get("access-control-allow-origin"), "*", `${method} ${path}`);
      assert.doesNotMatch(got.get("vary") ?? "", /origin/, `${method} ${path}`);
      assert.doesNotMatch(got.get("cache-control") ?? "", /private/, `${method} ${path}`);
    }
    const refused = await at.raw("/-/v2/reg.example/a/../b/manifests/1");
    assert.equal(refused.headers.get("access-control-allow-origin"), null);
  });

  test("are those of every name that Docker's configuration has for a registry", () => {
    const reads = (auths: unknown, aws = {}) =>
      operatorReads(parseConfig({ OCIPEEK_DOCKER_CONFIG: { auths }, ...aws }));
    const some = { auth: btoa("a:b") };
    for (const name of [
      "https://index.docker.io/v1/",
      "docker.io",
      "registry-1.docker.io",
      "docker.io/org",
    ]) {
      assert.equal(reads({ [name]: some })("docker.io"), true, name);
    }
    assert.equal(reads({ "https://Reg.example/v2/": some })("reg.example"), true);
    assert.equal(reads({ "reg.example:5000": some })("reg.example"), false);
    assert.equal(reads({ "reg.example": {} })("reg.example"), false);
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
    assert.equal(reads({}, keys)("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), true);
    assert.equal(reads({}, keys)("ghcr.io"), false);
    assert.equal(operatorReads(parseConfig({}))("docker.io"), false);
  });
});

describe("answers to everybody", () => {
  test("are for the listed pages alone where there is a list", async () => {
    const at = worker(internet(), { OCIPEEK_ALLOWED_ORIGINS: [PAGE, "http://localhost:5173"] });
    for (const one of answers("docker.io").filter(([, path]) => !path.includes(".."))) {
      const [method, path, headers, status] = one;
      for (const origin of [PAGE, "http://localhost:5173", "http://localhost:5174", "https://evil.example"]) {
        const got = await ask(at, [method, path, { ...headers, origin }, status]);
        const isListed = !origin.endsWith("4") && !origin.includes("evil");
        assert.equal(got.get("access-control-allow-origin"), isListed ? origin : null, `${method} ${path}`);
        assert.match(got.get("vary") ?? "", /\borigin\b/);
      }
    }
    const home = await at.get("/", { origin: "https://evil.example" });
    assert.equal(home.headers.get("access-control-allow-origin"), null);
    assert.equal(home.headers.get("cross-origin-resource-policy"), "same-origin");
  });

  test("an origin is written as browsers write it", () => {
    for (const text of [
      "page.example",
      "https://page.example/",
      "https://Page.example",
      "null",
      "file://",
      "https://*.example",
    ]) {
      assert.throws(() => parseConfig({ OCIPEEK_ALLOWED_ORIGINS: [text] }), ConfigError, text);
    }
    assert.deepEqual(parseConfig({}).allowedOrigins, ["*"]);
    assert.deepEqual(parseConfig({}, { allowedOrigins: [] }).allowedOrigins, []);
    assert.deepEqual(parseConfig({ OCIPEEK_ALLOWED_ORIGINS: "[]" }).allowedOrigins, []);
  });
});

describe("the Host of a request", () => {
  const OWN = [
    "localhost",
    "localhost:8788",
    "app.localhost",
    "127.0.0.1",
    "127.0.0.1:1",
    "[::1]:8788",
    "10.1.2.3",
  ];
  const OTHERS = [
    "evil.example",
    "evil.example:8788",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "localhost@evil.example",
    "evil.1",
    "",
    "[::1].evil.example",
    "notlocalhost",
  ];

  test("is one of this server's, where it is reached in a network of its own", () => {
    for (const hostname of [
      "127.0.0.1",
      "::1",
      "localhost",
      "0.0.0.0",
      "::",
      "192.168.1.5",
      "10.0.0.1",
      "fd00::1",
    ]) {
      const check = hostCheck(hostname, []);
      for (const host of [...OWN, null]) check(host);
      for (const host of OTHERS) {
        assert.throws(() => check(host), { name: "HttpError", code: "HOST_NOT_ALLOWED", status: 421 }, host);
      }
    }
  });

  test("may be another that the operator names", () => {
    const check = hostCheck("127.0.0.1", ["files.example", "exact.example:8443"]);
    for (const host of ["files.example", "FILES.example:99", "files.example.", "exact.example:8443"])
      check(host);
    for (const host of ["a.files.example", "exact.example", "exact.example:8444"]) {
      assert.throws(() => check(host), { status: 421 }, host);
    }
    for (const host of OTHERS) hostCheck("127.0.0.1", ["*"])(host);
    for (const host of OTHERS) hostCheck("93.184.215.14", [])(host);
    hostCheck("files.internal", [])("files.internal:8788");
  });
});
