// Attempts to get what is another caller's, or to make the worker say what is not true.
import assert from "node:assert/strict";
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

const REG = "https://reg.example";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const image = smallImage();
const FILE = "/reg.example/a:1/-/hello.txt";
const BLOB = `/-/v2/reg.example/a/blobs/${image.layer}`;
const MANIFEST = "/-/v2/reg.example/a/manifests/1";

test("poisoning: bytes that do not have their digest", async () => {
  const wrong = smallImage((manifest) => {
    manifest.annotations = { evil: "1" };
  });
  const internet = new Internet().on(
    REG,
    registryOf(image, ({ url }) =>
      url.pathname.includes("/manifests/")
        ? new Response(wrong.manifest, {
            headers: { "content-type": OCI_MANIFEST, "docker-content-digest": image.digest },
          })
        : undefined,
    ),
  );
  const { get, stored } = worker(internet);
  assert.equal(
    await codeOf(await get(`/-/v2/reg.example/a/manifests/${image.digest}`)),
    "502 DIGEST_MISMATCH",
  );
  assert.equal(await codeOf(await get(`/reg.example/a@${image.digest}/-/hello.txt`)), "502 DIGEST_MISMATCH");
  // A tag names what it names: the digest of an answer is computed.
  const byTag = await get(MANIFEST);
  assert.equal(byTag.headers.get("docker-content-digest"), wrong.digest);
  assert.equal(byTag.headers.get("cache-control"), "public, max-age=60");
  const given = [wrong.manifest, ...image.blobs.values()].map(digestOf);
  for (const value of stored.values()) assert.ok(given.includes(digestOf(value)));
});

/** Lets the user "alice" in, by Basic or with a token for her. */
function privately(seen: Seen): Response | undefined {
  const given = seen.headers.get("authorization");
  if (seen.url.pathname === "/token") {
    return json({ token: given === `Basic ${btoa("alice:s3cret")}` ? "for-alice" : "for-nobody" });
  }
  if (given === "Bearer for-alice") return undefined;
  return json(
    { errors: [{ code: "UNAUTHORIZED", message: "no" }] },
    {
      "www-authenticate": `Bearer realm="${REG}/token",service="r",scope="repository:a:pull"`,
    },
    401,
  );
}

test("poisoning: what one caller may read is no other's", async () => {
  const internet = new Internet()
    .on(
      REG,
      registryOf(image, (seen) => {
        const early = privately(seen);
        if (early) return early;
        return seen.url.pathname.includes("/blobs/")
          ? redirect(`https://cdn.example${seen.url.pathname}`)
          : undefined;
      }),
    )
    .on("https://cdn.example", (seen) => {
      assert.equal(seen.headers.get("authorization"), null);
      const blob = image.blobs.get(seen.url.pathname.split("/").at(-1) ?? "");
      return blob ? ranged(seen, blob) : new Response(null, { status: 404 });
    });
  const { get, stored, logs } = worker(internet, { OCIPEEK_PASS_AUTHORIZATION: true });
  const alice = { authorization: `Basic ${btoa("alice:s3cret")}` };
  const mallory = { authorization: `Basic ${btoa("mallory:x")}` };
  const pinned = `/reg.example/a@${image.digest}/-/hello.txt`;
  const paths = [MANIFEST, BLOB, `/-/v2/reg.example/a/manifests/${image.digest}`, FILE, pinned];
  for (let round = 0; round < 2; round++) {
    for (const path of paths) {
      const hers = await get(path, alice);
      assert.equal(hers.status, 200, path);
      assert.match(hers.headers.get("cache-control") ?? "", /^private, no-/, path);
      assert.match(hers.headers.get("vary") ?? "", /authorization/i, path);
      assert.equal(await codeOf(await get(path)), "401 UNAUTHORIZED", path);
      assert.equal(await codeOf(await get(path, mallory)), "401 UNAUTHORIZED", path);
    }
  }
  assert.equal(stored.size, 0, [...stored.keys()].join(" "));
  assert.ok(!JSON.stringify(logs).includes("s3cret") && !JSON.stringify(logs).includes(btoa("alice:s3cret")));
  // Her credentials went to the token service, and nowhere else.
  for (const { url, headers } of internet.seen) {
    if (headers.get("authorization") === alice.authorization) assert.equal(url.pathname, "/token");
  }
});

test("poisoning: the operator's token does not stand in for a caller's own", async () => {
  const internet = new Internet().on(REG, registryOf(image, privately));
  const config = { auths: { "reg.example": { auth: btoa("alice:s3cret") } } };
  const { get } = worker(internet, { OCIPEEK_PASS_AUTHORIZATION: true, OCIPEEK_DOCKER_CONFIG: config });
  const mallory = { authorization: `Basic ${btoa("mallory:x")}` };
  for (const path of [MANIFEST, BLOB, FILE]) {
    const everybody = await get(path);
    assert.equal(everybody.status, 200, path);
    assert.match(everybody.headers.get("cache-control") ?? "", /^private, max-age/);
    assert.equal(await codeOf(await get(path, mallory)), "401 UNAUTHORIZED", path);
  }
  const broken = { authorization: `Basic ${btoa("no colon")}` };
  for (const path of [MANIFEST, FILE])
    assert.equal(await codeOf(await get(path, broken)), "400 INVALID_ARGUMENT");
});

test("poisoning: credentials that are not to be passed on are not looked at", async () => {
  const internet = new Internet().on(REG, registryOf(image, privately));
  const { get } = worker(internet);
  const alice = { authorization: `Basic ${btoa("alice:s3cret")}` };
  for (const path of [MANIFEST, FILE]) assert.equal(await codeOf(await get(path, alice)), "401 UNAUTHORIZED");
  for (const { headers } of internet.seen) assert.notEqual(headers.get("authorization"), alice.authorization);
});

test("poisoning: a moved tag is noticed, and the old image keeps its URL", async () => {
  let current = image;
  const next = smallImage((manifest) => {
    manifest.annotations = { version: "2" };
  });
  const internet = new Internet().on(REG, (seen) => {
    const asked = seen.url.pathname.split("/").at(-1);
    return registryOf(asked === image.digest ? image : current)(seen);
  });
  const { get, clock } = worker(internet);
  const digest = async () => (await get(FILE)).headers.get("x-ocipeek-digest");
  assert.equal(await digest(), image.digest);
  current = next;
  clock.now += 61_000;
  assert.equal(await digest(), next.digest);
  assert.equal(
    (await get(`/reg.example/a@${image.digest}/-/hello.txt`)).headers.get("x-ocipeek-digest"),
    image.digest,
  );
});

test("poisoning: what an open repository lists is not taken from another one's part of the cache", async () => {
  const secret = smallImage((manifest) => {
    manifest.annotations = { secret: "yes" };
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      {
        mediaType: OCI_MANIFEST,
        digest: secret.digest,
        size: secret.manifest.length,
        platform: { os: "linux", architecture: "amd64" },
      },
    ],
  });
  const given = registryOf(secret);
  const internet = new Internet().on(REG, (seen) => {
    const { pathname } = seen.url;
    if (pathname.startsWith("/v2/closed/")) return given(seen);
    // Whoever may push to it has its index and its manifest name what it does not hold.
    if (pathname === "/v2/open/manifests/index") {
      return new Response(index, { headers: { "content-type": OCI_INDEX } });
    }
    if (pathname === "/v2/open/manifests/1" || pathname === "/v2/holder/manifests/1") return given(seen);
    return json({ errors: [{ code: "NOT_FOUND", message: "nothing here" }] }, {}, 404);
  });
  const { get, stored } = worker(internet);
  const hello = await get("/reg.example/closed:1/-/hello.txt");
  assert.equal(await hello.text(), "hello\n");
  assert.equal((await get("/reg.example/closed:1/")).status, 200);
  assert.ok(stored.size >= 3, "manifest, configuration and layer are kept");
  internet.lines();
  for (const path of ["open:index/", "open:index/-/hello.txt", "open:1/", "open:1/-/hello.txt"]) {
    const answer = await get(`/reg.example/${path}`);
    assert.equal(await codeOf(answer), "404 NOT_FOUND", path);
  }
  // All that was named was asked for, of the repository that names it.
  const asked = internet.lines();
  for (const digest of [secret.digest, secret.layer]) {
    assert.ok(
      asked.some((line) => line.includes("/v2/open/") && line.endsWith(digest)),
      digest,
    );
  }
  // Where it was given, another instance finds it without a request.
  const other = worker(internet);
  for (const [key, value] of stored) other.stored.set(key, value);
  assert.equal(await (await other.get(`/reg.example/closed@${secret.digest}/-/hello.txt`)).text(), "hello\n");
  assert.equal((await other.get(`/reg.example/closed@${secret.digest}/`)).status, 200);
  const searched = /\/referrers\/|\/manifests\/sha256-/;
  assert.deepEqual(
    internet.lines().filter((line) => !searched.test(line)),
    [],
  );
});
