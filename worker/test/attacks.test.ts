// Attempts to make the worker ask whom it shall not. Each ends in its named error, and nobody is asked who should not be.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codeOf,
  Internet,
  json,
  redirect,
  registryOf,
  smallImage,
  worker,
} from "../../tests/lib/worker/internet.ts";

const REG = "https://reg.example";
const DEV = "http://localhost:5000";
const image = smallImage();
const FILE = "/reg.example/a:1/-/hello.txt";
const BLOB = `/-/v2/reg.example/a/blobs/${image.layer}`;
const MANIFEST = "/-/v2/reg.example/a/manifests/1";

/** Nobody but the registry (and who else is named) was asked. */
function onlyAsked(internet: Internet, ...origins: string[]): void {
  assert.deepEqual(internet.stray, []);
  for (const { url } of internet.seen.splice(0)) assert.ok([REG, ...origins].includes(url.origin), url.href);
}

const PRIVATE_TARGETS = [
  "http://169.254.169.254/latest/meta-data/",
  "https://169.254.169.254/latest/meta-data/",
  "https://127.0.0.1/",
  "https://127.1/",
  "https://2130706433/",
  "https://0x7f000001/",
  "https://0177.0.0.1/",
  "https://10.0.0.1/",
  "https://8.8.8.8/",
  "https://[::1]/",
  "https://[::ffff:7f00:1]/",
  "https://[fd00::1]/",
  "https://localhost/",
  "https://a.localhost/",
  "https://metadata.google.internal/computeMetadata/v1/",
  "https://db.corp/",
  "https://printer.local/",
  "https://intranet/",
  "https://127.0.0.1.nip.io/",
  "http://cdn.example/",
  "https://cdn.example:8443/",
  "https://user@cdn.example/",
  "https://cdn.example./",
  "https://cdn.example\\@127.0.0.1/",
  "https:\\\\127.0.0.1\\x",
  "\\\\127.0.0.1\\x",
  "/\\127.0.0.1/",
  "//127.0.0.1/x",
  "//localhost/x",
  "https://b\u00fccher.example/",
  "https://ex%61mple.com/",
  "https://cdn.example\t/",
  "https:///cdn.example/",
  "https:cdn.example",
  "file:///etc/passwd",
  "data:text/plain,x",
  "javascript:alert(1)",
  "gopher://127.0.0.1:6379/_x",
  `${DEV}/v2/secret/manifests/1`,
  "https://localhost:5000/v2/secret/manifests/1",
];

test("SSRF: redirects of blobs to where nobody public is", async () => {
  let target = "";
  const internet = new Internet().on(
    REG,
    registryOf(image, ({ url }) => (url.pathname.includes("/blobs/") ? redirect(target) : undefined)),
  );
  for (target of PRIVATE_TARGETS) {
    // The registry for development is listed; that others lead to it is another matter.
    const { get } = worker(internet, { OCIPEEK_INSECURE_REGISTRIES: ["localhost:5000"] });
    assert.equal(await codeOf(await get(BLOB)), "502 HOST_NOT_ALLOWED", target);
    assert.equal(await codeOf(await get(FILE)), "502 HOST_NOT_ALLOWED", target);
    onlyAsked(internet);
  }
});

test("SSRF: redirects of manifests, tags and referrers", async () => {
  for (const path of [
    MANIFEST,
    "/-/v2/reg.example/a/tags/list",
    `/-/v2/reg.example/a/referrers/${image.digest}`,
  ]) {
    const internet = new Internet().on(REG, () => redirect("https://169.254.169.254/"));
    const { get } = worker(internet);
    assert.equal(await codeOf(await get(path)), "502 HOST_NOT_ALLOWED", path);
    assert.equal(await codeOf(await get("/reg.example/a:1/")), "502 HOST_NOT_ALLOWED");
    onlyAsked(internet);
  }
});

test("SSRF: a second redirect, of the storage", async () => {
  for (const target of PRIVATE_TARGETS) {
    const internet = new Internet()
      .on(
        REG,
        registryOf(image, ({ url }) =>
          url.pathname.includes("/blobs/") ? redirect("https://cdn.example/x") : undefined,
        ),
      )
      .on("https://cdn.example", () => redirect(target));
    const { get } = worker(internet, { OCIPEEK_INSECURE_REGISTRIES: ["localhost:5000"] });
    assert.equal(await codeOf(await get(BLOB)), "502 HOST_NOT_ALLOWED", target);
    onlyAsked(internet, "https://cdn.example");
  }
});

test("SSRF: a redirect to repositories that are not listed", async () => {
  for (const [target, code] of [
    ["https://ghcr.io/v2/other/secret/blobs/sha256:x", "502 HOST_NOT_ALLOWED"],
    [`https://ghcr.io/v2/other/secret/blobs/${image.layer}`, "403 REGISTRY_NOT_ALLOWED"],
    ["https://ghcr.io/v2/org%2Fapp/manifests/1", "502 HOST_NOT_ALLOWED"],
    ["https://ghcr.io/v2/other/x/..%2f..%2forg/app/manifests/1", "502 HOST_NOT_ALLOWED"],
    ["https://ghcr.io//v2/other/secret/manifests/1", "502 HOST_NOT_ALLOWED"],
    ["https://ghcr.io/V2/other/secret/manifests/1", "502 HOST_NOT_ALLOWED"],
    ["https://ghcr.io/v2/_catalog", "502 HOST_NOT_ALLOWED"],
    ["https://ghcr.io/%76%32/other/secret/manifests/1", "502 HOST_NOT_ALLOWED"],
  ] as const) {
    const internet = new Internet().on(REG, () => redirect(target));
    const { get } = worker(internet);
    assert.equal(await codeOf(await get(BLOB)), code, target);
    onlyAsked(internet);
  }
});

test("SSRF: token services", async () => {
  const denied: [string, string][] = [
    ["https://evil.example/token", "502 HOST_NOT_ALLOWED"],
    ["https://reg.example.evil.example/token", "502 HOST_NOT_ALLOWED"],
    ["https://notreg.example/token", "502 HOST_NOT_ALLOWED"],
    ["https://reg.example:8443/token", "502 HOST_NOT_ALLOWED"],
    ["https://10.0.0.1/token", "502 HOST_NOT_ALLOWED"],
    ["https://[::1]/token", "502 HOST_NOT_ALLOWED"],
    ["https://localhost:5000/token", "502 HOST_NOT_ALLOWED"],
    ["https://metadata.google.internal/token", "502 HOST_NOT_ALLOWED"],
    ["https://reg.example./token", "502 HOST_NOT_ALLOWED"],
    ["https://reg.example/v2/a%2f..%2fsecret/token", "502 HOST_NOT_ALLOWED"],
    ["https://reg.example/v2/other/manifests/x/y", "502 HOST_NOT_ALLOWED"],
    // The package refuses these before anybody is asked.
    ["http://reg.example/token", "401 UNAUTHORIZED"],
    ["http://169.254.169.254/token", "401 UNAUTHORIZED"],
    ["https://reg.example@evil.example/token", "401 UNAUTHORIZED"],
    ["https://evil.example\\@reg.example/token", "401 UNAUTHORIZED"],
    ["file:///etc/passwd", "401 UNAUTHORIZED"],
    ["", "401 UNAUTHORIZED"],
  ];
  for (const [realm, code] of denied) {
    const challenge = { "www-authenticate": `Bearer realm="${realm}",service="x"` };
    const internet = new Internet().on(REG, () => json({}, challenge, 401));
    const config = { auths: { "reg.example": { auth: btoa("op:s3cret") } } };
    const { get, logs } = worker(internet, {
      OCIPEEK_DOCKER_CONFIG: config,
      OCIPEEK_INSECURE_REGISTRIES: ["127.0.0.1:5000"],
    });
    assert.equal(await codeOf(await get(MANIFEST)), code, realm);
    assert.equal(await codeOf(await get(FILE)), code, realm);
    for (const { headers } of internet.seen) assert.equal(headers.get("authorization"), null);
    onlyAsked(internet);
    assert.ok(!JSON.stringify(logs).includes("s3cret"));
  }
});

test("SSRF: a token service that redirects", async () => {
  const internet = new Internet().on(REG, ({ url }) =>
    url.pathname === "/token"
      ? redirect("https://evil.example/steal")
      : json({}, { "www-authenticate": `Bearer realm="${REG}/token"` }, 401),
  );
  const { get } = worker(internet);
  assert.equal(await codeOf(await get(MANIFEST)), "502 HOST_NOT_ALLOWED");
  assert.equal(await codeOf(await get(FILE)), "502 HOST_NOT_ALLOWED");
  onlyAsked(internet);
});

test("token services that are allowed", async () => {
  const hosts: [string, string, Record<string, unknown>][] = [
    ["/-/v2/docker.io/alpine/manifests/1", "https://auth.docker.io/token", {}],
    [
      "/-/v2/registry.host.example/a/manifests/1",
      "https://host.example/jwt",
      { OCIPEEK_REGISTRIES: ["registry.host.example"] },
    ],
    [MANIFEST, "https://id.example/token", { OCIPEEK_TOKEN_HOSTS: ["id.example"] }],
  ];
  for (const [path, realm, env] of hosts) {
    const internet = new Internet();
    const guarded = registryOf(image, ({ headers }) =>
      headers.get("authorization") === "Bearer t"
        ? undefined
        : json({}, { "www-authenticate": `Bearer realm="${realm}"` }, 401),
    );
    for (const origin of [REG, "https://registry-1.docker.io", "https://registry.host.example"]) {
      internet.on(origin, guarded);
    }
    internet.on(new URL(realm).origin, () => json({ token: "t" }));
    assert.equal((await worker(internet, env).get(path)).status, 200, realm);
  }
});

test("SSRF: Link", async () => {
  for (const link of [
    "https://evil.example/v2/a/tags/list",
    "http://reg.example/v2/a/tags/list",
    "//evil.example/v2/a/tags/list",
    "https://reg.example:8443/v2/a/tags/list",
    "https://127.0.0.1/",
    "https://user@reg.example/v2/a/tags/list",
    "\\\\evil.example\\x",
    // Of the same host, but something else.
    "/v2/other/tags/list",
    "/v2/a/../other/tags/list",
    "/v2/a%2f..%2fother/tags/list",
    "/admin",
  ]) {
    const internet = new Internet().on(REG, () => json({ tags: [] }, { link: `<${link}>; rel="next"` }));
    const { get } = worker(internet);
    assert.equal(await codeOf(await get("/-/v2/reg.example/a/tags/list")), "502 HOST_NOT_ALLOWED", link);
    onlyAsked(internet);
  }
});

test("SSRF: Link of the referrers that a file's read looks at", async () => {
  const internet = new Internet().on(
    REG,
    registryOf(image, ({ url }) =>
      url.pathname.includes("/referrers/")
        ? json(
            { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] },
            {
              "content-type": "application/vnd.oci.image.index.v1+json",
              link: '<https://evil.example/>; rel="next"',
            },
          )
        : undefined,
    ),
  );
  // Who does not agree to what is attached never gets there; who does goes on without it.
  for (const attached of [false, true]) {
    const answer = await worker(internet, { OCIPEEK_ATTACHED_INDEX: attached }).get(FILE);
    assert.deepEqual([answer.status, await answer.text()], [200, "hello\n"]);
    assert.equal(
      internet.seen.some(({ url }) => url.pathname.includes("/referrers/")),
      attached,
    );
    onlyAsked(internet);
  }
});

test("SSRF: URLs of foreign layers are never asked", async () => {
  const foreign = smallImage((manifest) => {
    const [layer] = manifest.layers as Record<string, unknown>[];
    if (layer) {
      layer.mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar";
      layer.urls = ["https://evil.example/layer", "http://169.254.169.254/", "file:///etc/passwd"];
    }
  });
  const has = new Internet().on(REG, registryOf(foreign));
  const answer = await worker(has).get(FILE);
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), "hello\n");
  onlyAsked(has);
  foreign.blobs.clear();
  const lacks = new Internet().on(REG, registryOf(foreign));
  assert.equal(await codeOf(await worker(lacks).get(FILE)), "404 NOT_FOUND");
  onlyAsked(lacks);
});

test("a platform that follows redirects itself is found out", async () => {
  const internet = new Internet();
  const { get } = worker(internet);
  internet.on(REG, () => {
    const answer = new Response("x");
    Object.defineProperty(answer, "redirected", { value: true });
    return answer;
  });
  assert.equal(await codeOf(await get(MANIFEST)), "502 HOST_NOT_ALLOWED");
});

test("the guard gives storage no credentials, whoever asks", async () => {
  const internet = new Internet()
    .on(REG, () => redirect("https://cdn.example/x"))
    .on("https://cdn.example", () => new Response("x"));
  const { fetch } = worker(internet);
  const init = {
    method: "GET",
    headers: { authorization: "Bearer s3cret", range: "bytes=0-1" },
    redirect: "manual" as const,
    signal: AbortSignal.timeout(1000),
  };
  await fetch(`${REG}/v2/a/blobs/${image.layer}`, init);
  await fetch("https://cdn.example/x", init);
  const [first, second] = internet.seen;
  assert.equal(first?.headers.get("authorization"), "Bearer s3cret");
  assert.deepEqual([second?.headers.get("authorization"), second?.headers.get("range")], [null, "bytes=0-1"]);
  await assert.rejects(fetch("https://cdn.example/x", { ...init, method: "POST" }), {
    code: "HOST_NOT_ALLOWED",
  });
});

test("the guard asks nobody whom no registry has named", async () => {
  const internet = new Internet();
  const { fetch } = worker(internet);
  const init = { method: "GET", headers: {}, redirect: "manual" as const, signal: AbortSignal.timeout(1000) };
  for (const url of [
    "https://cdn.example/x",
    "https://reg.example.evil.example/",
    "http://reg.example/v2/a/tags/list",
    "https://reg.example:444/v2/",
    "https://example/",
  ]) {
    await assert.rejects(fetch(url, init), { code: "HOST_NOT_ALLOWED" }, url);
  }
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    await assert.rejects(fetch(`${REG}/v2/a/manifests/1`, { ...init, method }), { code: "HOST_NOT_ALLOWED" });
  }
  await assert.rejects(fetch("https://ghcr.io/v2/other/a/manifests/1", init), {
    code: "REGISTRY_NOT_ALLOWED",
  });
  assert.deepEqual([internet.seen, internet.stray], [[], []]);
});
