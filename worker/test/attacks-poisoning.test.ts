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
} from "./lib/internet.ts";

const REG = "https://reg.example";
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
  for (const [key, value] of stored) if (key.startsWith("sha256:")) assert.equal(digestOf(value), key);
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
    assert.match(everybody.headers.get("cache-control") ?? "", /^public/);
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
