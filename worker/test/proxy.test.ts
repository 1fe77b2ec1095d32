// The distribution API with CORS: what passes, in both directions.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  codeOf,
  digestOf,
  Internet,
  json,
  OCI_MANIFEST,
  ranged,
  redirect,
  registryOf,
  type Seen,
  smallImage,
  worker,
} from "../../tests/lib/worker/internet.ts";
import { nextLink } from "../src/http/link.ts";

const REG = "https://reg.example";
const CDN = "https://cdn.example";
const image = smallImage();

function bearer(seen: Seen, tokens: string[], realm = "https://reg.example/token"): Response | undefined {
  if (tokens.includes(seen.headers.get("authorization") ?? "")) return undefined;
  return json(
    { errors: [{ code: "UNAUTHORIZED", message: "no" }] },
    {
      "www-authenticate": `Bearer realm="${realm}",service="reg",scope="repository:x:pull"`,
    },
    401,
  );
}

test("a manifest, by tag and by digest", async () => {
  const internet = new Internet().on(REG, registryOf(image));
  const { get } = worker(internet);
  const byTag = await get("/-/v2/reg.example/a/b/manifests/1", { origin: "https://page.example" });
  assert.equal(byTag.status, 200);
  assert.equal(await byTag.text(), image.manifest);
  assert.equal(byTag.headers.get("content-type"), OCI_MANIFEST);
  assert.equal(byTag.headers.get("docker-content-digest"), image.digest);
  assert.equal(byTag.headers.get("access-control-allow-origin"), "*");
  assert.equal(byTag.headers.get("cache-control"), "public, max-age=60");
  assert.equal(byTag.headers.get("vary"), "accept");
  assert.equal(byTag.headers.get("content-security-policy"), "default-src 'none'; sandbox");
  assert.equal(byTag.headers.get("x-content-type-options"), "nosniff");
  for (const name of [
    "Docker-Content-Digest",
    "Content-Range",
    "Link",
    "OCI-Filters-Applied",
    "Retry-After",
  ]) {
    assert.ok(byTag.headers.get("access-control-expose-headers")?.includes(name), name);
  }
  const pinned = await get(`/-/v2/reg.example/a/b/manifests/${image.digest}`);
  assert.equal(pinned.headers.get("cache-control"), "public, max-age=31536000, immutable");
  await pinned.text();
  assert.deepEqual(internet.lines(), [
    `GET ${REG}/v2/a/b/manifests/1`,
    `GET ${REG}/v2/a/b/manifests/${image.digest}`,
  ]);
});

test("preflight, ping, methods", async () => {
  const internet = new Internet();
  const { get } = worker(internet);
  const preflight = await get(
    "/-/v2/reg.example/a/manifests/1",
    { origin: "https://page.example" },
    "OPTIONS",
  );
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /accept.*range/);
  const ping = await get("/-/v2/reg.example/");
  assert.equal(ping.status, 200);
  assert.equal(await ping.text(), "{}");
  assert.equal(ping.headers.get("docker-distribution-api-version"), "registry/2.0");
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const answer = await get("/-/v2/reg.example/a/manifests/1", {}, method);
    assert.equal(answer.headers.get("allow"), "GET, HEAD, OPTIONS");
    assert.equal(await codeOf(answer), "405 METHOD_NOT_ALLOWED");
  }
  assert.equal(await codeOf(await get("/-/v2/other.example/")), "403 REGISTRY_NOT_ALLOWED");
  assert.deepEqual(internet.lines(), []);
});

test("Docker Hub by its names", async () => {
  const internet = new Internet().on("https://registry-1.docker.io", registryOf(image));
  const { get } = worker(internet);
  assert.equal((await get("/-/v2/docker.io/alpine/manifests/1")).status, 200);
  assert.equal((await get("/-/v2/docker.io/org/app/manifests/1")).status, 200);
  assert.deepEqual(internet.lines(), [
    "GET https://registry-1.docker.io/v2/library/alpine/manifests/1",
    "GET https://registry-1.docker.io/v2/org/app/manifests/1",
  ]);
});

test("blobs: ranges and redirects pass, credentials do not", async () => {
  const blob = new Uint8Array(5000).map((_, i) => i);
  const digest = digestOf(blob);
  const internet = new Internet()
    .on(REG, (seen) => {
      if (seen.url.pathname === "/token") return json({ token: "t" });
      return bearer(seen, ["Bearer t"]) ?? redirect(`${CDN}/x?signature=s3cret`);
    })
    .on(CDN, (seen) => {
      assert.equal(seen.headers.get("authorization"), null);
      const answer = ranged(seen, blob);
      answer.headers.set("set-cookie", "a=b");
      answer.headers.set("access-control-allow-origin", "https://evil.example");
      answer.headers.set("content-type", "text/html");
      answer.headers.set("etag", '"abc"');
      answer.headers.set("server", "x");
      return answer;
    });
  const { get } = worker(internet);
  const url = `/-/v2/reg.example/a/blobs/${digest}`;
  const part = await get(url, { range: "bytes=10-19", cookie: "c=d" });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), "bytes 10-19/5000");
  assert.equal(part.headers.get("content-length"), "10");
  assert.deepEqual([...new Uint8Array(await part.arrayBuffer())], [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  assert.equal(part.headers.get("content-type"), "application/octet-stream");
  assert.equal(part.headers.get("content-disposition"), "attachment");
  assert.equal(part.headers.get("etag"), '"abc"');
  assert.equal(part.headers.get("cache-control"), "public, max-age=31536000, immutable");
  for (const name of ["set-cookie", "server", "location", "www-authenticate"]) {
    assert.equal(part.headers.get(name), null, name);
  }
  assert.equal(part.headers.get("access-control-allow-origin"), "*");
  for (const seen of internet.seen) assert.equal(seen.headers.get("cookie"), null);
  internet.lines();

  const head = await get(url, {}, "HEAD");
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), "5000");
  assert.equal(await head.text(), "");
  const several = await get(url, { range: "bytes=0-1,3-4" });
  assert.equal(several.status, 200);
  assert.equal((await several.arrayBuffer()).byteLength, 5000);
  // The token was kept.
  assert.deepEqual(internet.lines(), [
    `HEAD ${REG}/v2/a/blobs/${digest}`,
    `HEAD ${CDN}/x?signature=s3cret`,
    `GET ${REG}/v2/a/blobs/${digest}`,
    `GET ${CDN}/x?signature=s3cret`,
  ]);
});

test("a token is kept by repository until shortly before its end", async () => {
  let issued = 0;
  const internet = new Internet().on(REG, (seen) => {
    if (seen.url.pathname === "/token") return json({ token: `t${++issued}`, expires_in: 300 });
    return bearer(seen, [`Bearer t${issued}`]) ?? registryOf(image)(seen);
  });
  const realNow = Date.now;
  const { get, clock } = worker(internet);
  // The package asks the system's clock, the worker its own.
  Date.now = () => clock.now;
  try {
    const ask = async (repository: string) => {
      const answer = await get(`/-/v2/reg.example/${repository}/manifests/1`);
      assert.equal(answer.status, 200);
      return internet.lines().map((line) => line.replace(REG, ""));
    };
    const token = (name: string) => `GET /token?service=reg&scope=repository:${name}:pull`;
    assert.deepEqual(await ask("a"), ["GET /v2/a/manifests/1", token("a"), "GET /v2/a/manifests/1"]);
    assert.deepEqual(await ask("a"), ["GET /v2/a/manifests/1"]);
    assert.deepEqual((await ask("b"))[1], token("b"));
    issued -= 1;
    clock.now += 269_000;
    assert.deepEqual(await ask("a"), ["GET /v2/a/manifests/1"]);
    clock.now += 2_000;
    issued += 1;
    // Near its end it is renewed, without another 401.
    assert.deepEqual(await ask("a"), [token("a"), "GET /v2/a/manifests/1"]);
    // A token that the registry no longer takes is replaced.
    issued += 5;
    assert.equal((await ask("a")).length, 3);
  } finally {
    Date.now = realNow;
  }
});

test("operator's credentials go to the token service", async () => {
  const internet = new Internet().on(REG, (seen) => {
    if (seen.url.pathname === "/token") {
      assert.equal(seen.headers.get("authorization"), `Basic ${btoa("op:s3cret")}`);
      return json({ token: "t" });
    }
    return bearer(seen, ["Bearer t"]) ?? registryOf(image)(seen);
  });
  const config = { auths: { "reg.example": { auth: btoa("op:s3cret") } } };
  const { get } = worker(internet, { OCIPEEK_DOCKER_CONFIG: config });
  const answer = await get("/-/v2/reg.example/a/manifests/1");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("cache-control"), "private, max-age=60");
});

test("tags and referrers: queries pass, Link leads back here", async () => {
  const internet = new Internet().on(REG, ({ url }) => {
    if (url.pathname.endsWith("/tags/list")) {
      const link = '</v2/a/tags/list?last=b&n=2>; rel="next"';
      const headers: Record<string, string> = url.searchParams.has("last") ? {} : { link };
      return json({ name: "a", tags: ["a", "b"] }, headers);
    }
    return json(
      { schemaVersion: 2, manifests: [] },
      {
        "content-type": "application/vnd.oci.image.index.v1+json",
        "oci-filters-applied": "artifactType",
        link: `<https://reg.example${url.pathname}?page=%3C2>; a="x, y"; rel=next`,
      },
    );
  });
  const { get } = worker(internet);
  const first = await get("/-/v2/reg.example/a/tags/list?n=2");
  assert.equal(first.headers.get("link"), '</-/v2/reg.example/a/tags/list?last=b&n=2>; rel="next"');
  assert.equal(first.headers.get("content-type"), "application/json");
  assert.deepEqual(await first.json(), { name: "a", tags: ["a", "b"] });
  const second = await get("/-/v2/reg.example/a/tags/list?last=b&n=2");
  assert.equal(second.headers.get("link"), null);
  const referrers = await get(`/-/v2/reg.example/a/referrers/${image.digest}?artifactType=x%2Fy`);
  assert.equal(referrers.headers.get("oci-filters-applied"), "artifactType");
  assert.equal(
    referrers.headers.get("link"),
    `</-/v2/reg.example/a/referrers/${image.digest}?page=%3C2>; rel="next"`,
  );
  // Others may be added to it.
  assert.equal(referrers.headers.get("cache-control"), "public, max-age=60");
  assert.deepEqual(internet.lines(), [
    `GET ${REG}/v2/a/tags/list?n=2`,
    `GET ${REG}/v2/a/tags/list?last=b&n=2`,
    `GET ${REG}/v2/a/referrers/${image.digest}?artifactType=x%2Fy`,
  ]);
});

test("conditions pass, and 304", async () => {
  const internet = new Internet().on(REG, (seen) => {
    assert.equal(seen.headers.get("if-none-match"), '"x"');
    return new Response(null, { status: 304, headers: { etag: '"x"' } });
  });
  const { get } = worker(internet);
  const answer = await get("/-/v2/reg.example/a/manifests/1", { "if-none-match": '"x"' });
  assert.equal(answer.status, 304);
  assert.equal(answer.headers.get("etag"), '"x"');
});

test("Accept passes; without one the types of manifests are asked for", async () => {
  const internet = new Internet().on(REG, registryOf(image));
  const { get } = worker(internet);
  await get("/-/v2/reg.example/a/manifests/1", { accept: OCI_MANIFEST });
  await get("/-/v2/reg.example/a/manifests/1", { accept: "*/*" });
  assert.equal(internet.seen[0]?.headers.get("accept"), OCI_MANIFEST);
  assert.match(internet.seen[1]?.headers.get("accept") ?? "", /oci\.image\.index.*docker\.distribution/);
});

test("failures of the registry", async () => {
  let answer = (): Response => new Response();
  const internet = new Internet().on(REG, () => answer());
  const { get } = worker(internet);
  const ask = (headers: Record<string, string> = {}) =>
    get(`/-/v2/reg.example/a/blobs/${image.digest}`, headers);
  answer = () =>
    json({ errors: [{ code: "BLOB_UNKNOWN", message: "no \u0000such\r\nblob" }] }, { etag: '"x"' }, 404);
  const missing = await ask();
  assert.equal(missing.status, 404);
  assert.equal(missing.headers.get("cache-control"), "no-store");
  assert.equal(missing.headers.get("x-ocipeek-error"), "BLOB_UNKNOWN");
  assert.equal(missing.headers.get("etag"), null);
  assert.deepEqual(await missing.json(), { errors: [{ code: "BLOB_UNKNOWN", message: "no  such  blob" }] });
  answer = () => json({}, { "retry-after": "7" }, 429);
  const limited = await ask();
  assert.equal(`${limited.status} ${limited.headers.get("retry-after")}`, "429 7");
  answer = () => new Response("<html>", { status: 416, headers: { "content-range": "bytes */5" } });
  const beyond = await ask({ range: "bytes=9-" });
  assert.equal(`${beyond.status} ${beyond.headers.get("content-range")}`, "416 bytes */5");
  assert.equal(beyond.headers.get("content-type"), "application/json");
  for (const [status, code] of [
    [401, "401 UNAUTHORIZED"],
    [403, "403 FORBIDDEN"],
    [500, "502 NETWORK"],
    [504, "504 TIMEOUT"],
    [418, "502 NETWORK"],
    [204, "502 NETWORK"],
  ] as const) {
    answer = () => new Response(null, { status });
    assert.equal(await codeOf(await ask()), code);
  }
  answer = () => redirect("");
  answer = () => new Response(null, { status: 302 });
  assert.equal(await codeOf(await ask()), "502 NETWORK");
  const away = worker(new Internet());
  assert.equal(await codeOf(await away.get("/-/v2/reg.example/a/manifests/1")), "502 NETWORK");
});

test("a manifest that breaks off is the registry's failure", async () => {
  const half = (): ReadableStream<Uint8Array> => {
    let sent = false;
    return new ReadableStream({
      pull(controller) {
        // What a platform says of a connection that ends too early.
        if (sent) throw new TypeError("terminated");
        sent = true;
        controller.enqueue(new TextEncoder().encode(image.manifest.slice(0, 100)));
      },
    });
  };
  let answer = (): Response => new Response(half());
  const { get, logs } = worker(new Internet().on(REG, () => answer()));
  for (const reference of ["1", image.digest]) {
    assert.equal(await codeOf(await get(`/-/v2/reg.example/a/manifests/${reference}`)), "502 NETWORK");
  }
  // One that ends as if it were whole.
  const headers = { "content-length": String(image.manifest.length), "content-type": OCI_MANIFEST };
  answer = () => new Response(image.manifest.slice(0, 100), { headers });
  assert.equal(await codeOf(await get("/-/v2/reg.example/a/manifests/1")), "502 NETWORK");
  logs.length = 0;
  // The head is out: what is missing shows by the connection's end, and in the log.
  answer = () => new Response(half());
  await assert.rejects(get(`/-/v2/reg.example/a/blobs/${image.layer}`));
  assert.deepEqual(
    logs.map(({ status, code }) => `${status} ${code}`),
    ["200 NETWORK"],
  );
});

test("limits: sizes, redirects, requests", async () => {
  const internet = new Internet().on(REG, ({ url }) => {
    if (url.pathname.includes("/manifests/big")) return new Response(new Uint8Array(5 << 20));
    if (url.pathname.includes("/manifests/loop")) return redirect("/v2/a/manifests/loop");
    return new Response(new Uint8Array(10), { headers: { "content-length": "99999999999" } });
  });
  const { get } = worker(internet);
  assert.equal(await codeOf(await get("/-/v2/reg.example/a/manifests/big")), "502 LIMIT_EXCEEDED");
  assert.equal(await codeOf(await get("/-/v2/reg.example/a/manifests/loop")), "502 LIMIT_EXCEEDED");
  assert.equal(await codeOf(await get(`/-/v2/reg.example/a/blobs/${image.digest}`)), "413 LIMIT_EXCEEDED");
  const few = worker(internet, { OCIPEEK_LIMITS: { maxSubrequests: 2 } });
  const answer = await few.get("/-/v2/reg.example/a/manifests/loop");
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  assert.equal(error.code, "LIMIT_EXCEEDED");
  assert.match(error.message, /maxSubrequests = 2/);
});

test("a registry that stops in the middle does not hold the answer, nor one that never begins", async () => {
  const internet = new Internet().on(REG, ({ url }) => {
    if (url.pathname.endsWith("/tags/list")) return new Promise<Response>(() => {});
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(10)),
    });
    return new Response(body, { headers: { "content-length": "100" } });
  });
  const { get, logs } = worker(internet, { OCIPEEK_LIBRARY_LIMITS: { maxIdleMs: 80 } });
  assert.equal(await codeOf(await get("/-/v2/reg.example/a/b/tags/list")), "504 TIMEOUT");
  assert.equal(await codeOf(await get("/-/v2/reg.example/a/b/manifests/1")), "504 TIMEOUT");
  logs.length = 0;
  // The head is out: that it stopped shows by the connection's end, and in the log.
  await assert.rejects(get(`/-/v2/reg.example/a/b/blobs/${image.layer}`), /maxIdleMs/);
  assert.deepEqual(
    logs.map(({ status, code }) => `${status} ${code}`),
    ["200 TIMEOUT"],
  );
});

test("links are read as the crate reads them", () => {
  const table = JSON.parse(readFileSync(new URL("../../tests/fixtures/names.json", import.meta.url), "utf8"));
  for (const [field, target] of table.links) assert.equal(nextLink(field) ?? null, target, field);
});
