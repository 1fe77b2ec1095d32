// Credentials: Docker's config, passwords for ECR against an endpoint that checks their signature, the caller's own.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import {
  Internet,
  json,
  ranged,
  redirect,
  registryOf,
  smallImage,
  worker,
} from "../../tests/lib/worker/internet.ts";
import { callerCredentials, operatorAuth } from "../src/registry/credentials.ts";
import { EcrTokens, ecrOf } from "../src/registry/ecr.ts";
import type { PlatformFetch } from "../src/registry/guarded-fetch.ts";

const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
/** When passwords end, in seconds. */
const EXPIRES = 1_767_366_245.25;

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const sha = (text: string) => createHash("sha256").update(text).digest("hex");

/** The signature that AWS would compute over a request ("Signature Version 4", by node:crypto). */
function signatureOf(
  url: URL,
  init: RequestInit,
  secret: string,
): { given: string; computed: string; scope: string } {
  const headers = new Headers(init.headers as HeadersInit);
  headers.set("host", url.host);
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8}\/[^,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.get("authorization") ?? "",
    );
  assert.ok(match, "an Authorization of Signature Version 4");
  const [, , scope = "", signed = "", given = ""] = match;
  const canonical = [
    init.method,
    url.pathname,
    "",
    ...signed.split(";").map((name) => `${name}:${headers.get(name)?.trim()}`),
    "",
    signed,
    sha(String(init.body)),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", headers.get("x-amz-date"), scope, sha(canonical)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${secret}`);
  return { given, computed: createHmac("sha256", key).update(toSign).digest("hex"), scope };
}

/** ECR's API: answers only what is signed with the secret. */
function ecr(password: () => string, secret = KEYS.secretAccessKey, expires = EXPIRES) {
  const requests: { url: string; headers: Headers; body: string; signature: string }[] = [];
  const fetch: PlatformFetch = async (text, init) => {
    const url = new URL(text);
    const headers = new Headers(init.headers as HeadersInit);
    const { given, computed, scope } = signatureOf(url, init, secret);
    requests.push({ url: text, headers, body: String(init.body), signature: given });
    assert.equal(init.redirect, "manual");
    assert.match(scope, /^\d{8}\/[a-z0-9-]+\/ecr\/aws4_request$/);
    if (given !== computed) return Response.json({ __type: "InvalidSignatureException" }, { status: 400 });
    assert.equal(headers.get("x-amz-target"), "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
    return Response.json({
      authorizationData: [
        {
          authorizationToken: btoa(`AWS:${password()}`),
          expiresAt: expires,
          proxyEndpoint: `https://${REGISTRY}`,
        },
      ],
    });
  };
  return { fetch, requests };
}

test("hosts of ECR", () => {
  assert.deepEqual(ecrOf(REGISTRY), {
    region: "eu-central-1",
    url: "https://api.ecr.eu-central-1.amazonaws.com/",
  });
  assert.equal(
    ecrOf("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn")?.url,
    "https://api.ecr.cn-north-1.amazonaws.com.cn/",
  );
  assert.equal(
    ecrOf("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com")?.url,
    "https://ecr-fips.us-gov-west-1.amazonaws.com/",
  );
  for (const host of [
    "public.ecr.aws",
    "12345678901.dkr.ecr.eu-central-1.amazonaws.com",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
    "123456789012.dkr.ecr.evil.example.amazonaws.com",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com:443",
    "x.123456789012.dkr.ecr.eu-central-1.amazonaws.com",
  ]) {
    assert.equal(ecrOf(host), undefined, host);
  }
});

test("a fixed request has the signature that node:crypto computes", async () => {
  const { fetch, requests } = ecr(() => "pw");
  const tokens = new EcrTokens({ ...KEYS, sessionToken: undefined }, fetch, () => NOW);
  const endpoint = ecrOf(REGISTRY);
  assert.ok(endpoint);
  assert.deepEqual(await tokens.get(endpoint), { username: "AWS", password: "pw" });
  const [request] = requests;
  assert.equal(request?.url, "https://api.ecr.eu-central-1.amazonaws.com/");
  assert.equal(request?.body, "{}");
  assert.equal(request?.headers.get("x-amz-date"), "20260102T030405Z");
  assert.match(
    request?.headers.get("authorization") ?? "",
    /SignedHeaders=content-type;host;x-amz-date;x-amz-target,/,
  );
  assert.equal(request?.signature, VECTOR);
});

/** Of the request above; by Python's hmac and hashlib. */
const VECTOR = "2be449edacba23c4cccec1529e9dfd3eae11631f22c19faa73b8fe29c7db9d4c";

test("a password is kept until shortly before its end", async () => {
  let now = NOW;
  let n = 0;
  const { fetch, requests } = ecr(() => `pw-${++n}`);
  const auth = operatorAuth(
    { dockerConfig: undefined, aws: { ...KEYS, sessionToken: "session" } },
    fetch,
    () => now,
  );
  const other = "999999999999.dkr.ecr.eu-central-1.amazonaws.com";
  assert.deepEqual(await auth?.(REGISTRY), { username: "AWS", password: "pw-1" });
  assert.deepEqual(await auth?.(other), { username: "AWS", password: "pw-1" });
  now = EXPIRES * 1000 - 5 * 60_000 - 1;
  assert.deepEqual(await auth?.(REGISTRY), { username: "AWS", password: "pw-1" });
  now += 1;
  assert.deepEqual(await auth?.(REGISTRY), { username: "AWS", password: "pw-2" });
  assert.equal(requests.length, 2);
  assert.equal(requests[0]?.headers.get("x-amz-security-token"), "session");
  assert.equal(await auth?.("public.ecr.aws"), undefined);
  assert.equal(await auth?.("ghcr.io"), undefined);
  assert.equal(requests.length, 2);
});

test("an image in a private registry of ECR", async () => {
  const image = smallImage();
  const api = ecr(() => "pw", KEYS.secretAccessKey, Date.now() / 1000 + 43_200);
  const storage = "https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com";
  const internet = new Internet()
    .on("https://api.ecr.eu-central-1.amazonaws.com", ({ url, headers, body }) =>
      api.fetch(url.href, { method: "POST", headers, body, redirect: "manual" }),
    )
    .on(
      `https://${REGISTRY}`,
      registryOf(image, ({ url, headers }) => {
        if (headers.get("authorization") !== `Basic ${btoa("AWS:pw")}`) {
          return json(
            {},
            { "www-authenticate": `Basic realm="https://${REGISTRY}/",service="ecr.amazonaws.com"` },
            401,
          );
        }
        return url.pathname.includes("/blobs/") ? redirect(storage + url.pathname) : undefined;
      }),
    )
    .on(storage, (seen) => {
      assert.equal(seen.headers.get("authorization"), null);
      return ranged(seen, image.blobs.get(seen.url.pathname.split("/").at(-1) ?? "") ?? new Uint8Array());
    });
  const { get, logs } = worker(internet, {
    OCIPEEK_REGISTRIES: [`${REGISTRY}/team/*`],
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  });
  for (const path of [
    `/${REGISTRY}/team/app:1/-/hello.txt`,
    `/-/v2/${REGISTRY}/team/app/blobs/${image.layer}`,
    `/-/v2/${REGISTRY}/team/app/manifests/1`,
  ]) {
    assert.equal((await get(path)).status, 200, path);
  }
  assert.equal(api.requests.length, 1);
  assert.ok(!/pw|AKID|EXAMPLEKEY/.test(JSON.stringify(logs)));
  assert.equal((await get(`/-/v2/${REGISTRY}/other/app/manifests/1`)).status, 403);
});

test("AWS that gives no password", async () => {
  const wrong = ecr(() => "pw", "another secret");
  const endpoint = ecrOf(REGISTRY);
  assert.ok(endpoint);
  const get = (fetch: PlatformFetch) =>
    new EcrTokens({ ...KEYS, sessionToken: undefined }, fetch, () => NOW).get(endpoint);
  const check = (code: string) => (error: Error & { code?: string }) => {
    assert.equal(error.code, code);
    assert.ok(
      !`${error.message}${error.stack}`.includes("s3cret") && !error.message.includes(KEYS.secretAccessKey),
    );
    return true;
  };
  await assert.rejects(get(wrong.fetch), check("UNAUTHORIZED"));
  for (const body of [
    "",
    "s3cret",
    "{}",
    '{"authorizationData":[]}',
    '{"authorizationData":[{"authorizationToken":"czNjcmV0","expiresAt":1}]}',
  ]) {
    await assert.rejects(
      get(async () => new Response(body)),
      check("UNAUTHORIZED"),
    );
  }
  const moved = async () =>
    new Response(null, { status: 302, headers: { location: "https://evil.example" } });
  await assert.rejects(get(moved), check("UNAUTHORIZED"));
  const away = async () => {
    throw new TypeError("s3cret");
  };
  await assert.rejects(get(away), check("NETWORK"));
});

test("Docker's config", async () => {
  const text = JSON.stringify({
    auths: { "ghcr.io": { auth: btoa("user:pa:ss") }, [REGISTRY]: { auth: btoa("me:mine") } },
    credHelpers: { "gcr.io": "gcloud" },
  });
  const never: PlatformFetch = async () => assert.fail("nothing is asked");
  const auth = operatorAuth(
    { dockerConfig: text, aws: { ...KEYS, sessionToken: undefined } },
    never,
    () => NOW,
  );
  const given = async (host: string) => {
    const { username, password } = (await auth?.(host)) ?? {};
    return { username, password };
  };
  assert.deepEqual(await given("ghcr.io"), { username: "user", password: "pa:ss" });
  assert.deepEqual(await given(REGISTRY), { username: "me", password: "mine" });
  for (const none of ["gcr.io", "docker.io", "ghcr.io.evil.example"])
    assert.equal(await auth?.(none), undefined);
  assert.equal(
    operatorAuth({ dockerConfig: undefined, aws: undefined }, never, () => NOW),
    undefined,
  );
  assert.throws(
    () => operatorAuth({ dockerConfig: '{"auths": s3cret', aws: undefined }, never, () => NOW),
    (e: Error) => e.name === "ConfigError" && !e.message.includes("s3cret"),
  );
});

test("the caller's own", () => {
  assert.deepEqual(callerCredentials(`Basic ${btoa("u:p:w")}`), { username: "u", password: "p:w" });
  const utf8 = Buffer.from("ü:ß").toString("base64");
  assert.deepEqual(callerCredentials(`basic  ${utf8}`), { username: "ü", password: "ß" });
  for (const bad of [
    "",
    "Basic",
    `Basic ${btoa("nocolon")}`,
    "Bearer abc",
    "Basic %%%",
    "Basic a b",
    `Basic ${btoa("\xff:x")}`,
  ]) {
    assert.throws(() => callerCredentials(bad), { code: "INVALID_ARGUMENT" }, bad);
  }
});
