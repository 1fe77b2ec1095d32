// Which registries, repositories and hosts can be reached.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../src/config/config.ts";
import { AccessList } from "../src/registry/access.ts";
import { parseApiPath } from "../src/registry/api-path.ts";
import { isAddress, isPublicAddress, parseStrict, publicProblem } from "../src/registry/public-host.ts";

function list(registries: string[], insecure: string[] = []): AccessList {
  return new AccessList(
    parseConfig({ OCIPEEK_REGISTRIES: registries, OCIPEEK_INSECURE_REGISTRIES: insecure }),
  );
}

const refused = { name: "HttpError", code: "REGISTRY_NOT_ALLOWED", status: 403 };

test("repositories match by segments", () => {
  const cases: [string, string[], string[]][] = [
    ["r.example", ["a", "a/b", "a/b/c"], []],
    ["r.example/**", ["a", "a/b"], []],
    ["r.example/a", ["a"], ["a/b", "b", "aa"]],
    ["r.example/a/*", ["a/b", "a/b.c"], ["a", "a/b/c", "b/a"]],
    ["r.example/a/**", ["a", "a/b", "a/b/c"], ["ab", "ab/c"]],
    ["r.example/**/x", ["x", "a/x", "a/b/x"], ["x/a", "ax"]],
    ["r.example/a*", ["a", "ab"], ["b", "a/b"]],
    ["r.example/*-prod", ["web-prod"], ["web-prod/x", "web-dev"]],
    ["r.example/a*b*c", ["abc", "a1b2c", "abbc"], ["ab", "abcd", "acb"]],
    ["r.example/ab*ba", ["abba", "abxba"], ["aba"]],
  ];
  for (const [rule, yes, no] of cases) {
    const access = list([rule]);
    for (const name of yes)
      assert.equal(access.check("r.example", name).name, "r.example", `${rule} ${name}`);
    for (const name of no) assert.throws(() => access.check("r.example", name), refused, `${rule} ${name}`);
  }
});

test("several rules of one registry add up", () => {
  const access = list(["ghcr.io/a/*", "ghcr.io/b"]);
  assert.ok(access.check("ghcr.io", "a/x"));
  assert.ok(access.check("ghcr.io", "b"));
  assert.throws(() => access.check("ghcr.io", "c"), refused);
});

test("a pattern with many wildcards ends soon", () => {
  const access = list([`r.example/${"**/".repeat(30)}x`, `r.example/${"a*".repeat(60)}b`]);
  const start = Date.now();
  assert.throws(() => access.check("r.example", Array(100).fill("a").join("/")), refused);
  assert.throws(() => access.check("r.example", "a".repeat(250)), refused);
  assert.ok(Date.now() - start < 500);
});

test("a registry of development is plain, or TLS where it is written so", () => {
  const access = list(
    [],
    ["localhost:5000", "https://localhost:5001", "http://10.0.0.5:80", "https://r.test"],
  );
  const origins = [...access.registries].map(({ name, origin, insecure }) => [name, origin, insecure]);
  assert.deepEqual(origins, [
    ["localhost:5000", "http://localhost:5000", true],
    ["localhost:5001", "https://localhost:5001", true],
    ["10.0.0.5:80", "http://10.0.0.5:80", true],
    ["r.test", "https://r.test", true],
  ]);
  assert.equal(access.at("https://localhost:5000"), undefined);
  assert.equal(access.at("https://localhost:5001")?.name, "localhost:5001");
});

test("only names that are written as listed are listed", () => {
  const access = list(
    ["docker.io", "xn--bcher-kva.example", "r.example:8443"],
    ["localhost:5000", "10.0.0.5:5000"],
  );
  for (const name of [
    "docker.io",
    "xn--bcher-kva.example",
    "r.example:8443",
    "localhost:5000",
    "10.0.0.5:5000",
  ]) {
    assert.equal(access.check(name, "a/b").name, name);
  }
  const others = [
    "Docker.io",
    "docker.io.",
    "docker.io:443",
    "docker.io:0443",
    "registry-1.docker.io",
    "index.docker.io",
    "user@docker.io",
    "docker.io@evil.example",
    "evil.example#docker.io",
    "bücher.example",
    "ｄocker.io",
    "docker。io",
    "doсker.io", // a Cyrillic letter
    "docker%2eio",
    "r.example",
    "r.example:443",
    "localhost",
    "localhost:5001",
    "127.0.0.1:5000",
    "[::1]:5000",
    "2130706433:5000",
    "0x7f000001:5000",
    "0177.0.0.1:5000",
    "10.0.0.5",
    "10.5:5000",
    "__proto__",
    "constructor",
    "",
  ];
  for (const name of others) assert.throws(() => access.check(name, "a/b"), refused, name);
});

test("an address is for development only", () => {
  assert.throws(() => list(["10.0.0.5:5000"]).check("10.0.0.5:5000", "a"), refused);
  assert.equal(list([], ["10.0.0.5:5000"]).check("10.0.0.5:5000", "a").origin, "http://10.0.0.5:5000");
  assert.equal(list(["docker.io"]).check("docker.io", "library/a").origin, "https://registry-1.docker.io");
});

test("repositories have one spelling", () => {
  const access = list(["r.example"]);
  for (const name of [
    "A",
    "a//b",
    "/a",
    "a/",
    "a/../b",
    "a/.",
    "a%2fb",
    "a b",
    "a\n",
    "-a",
    "a___b",
    "",
    "a".repeat(256),
  ]) {
    assert.throws(() => access.check("r.example", name), refused, JSON.stringify(name));
  }
});

test("paths of the API", () => {
  const hex = "ab".repeat(32);
  assert.deepEqual(parseApiPath(`a/b/blobs/sha256:${hex}`), {
    repository: "a/b",
    kind: "blob",
    reference: `sha256:${hex}`,
  });
  assert.deepEqual(parseApiPath("a/manifests/v1.2_3-x"), {
    repository: "a",
    kind: "manifest",
    reference: "v1.2_3-x",
  });
  assert.deepEqual(parseApiPath("manifests/tags/list"), {
    repository: "manifests",
    kind: "tags",
    reference: "",
  });
  assert.equal(parseApiPath(`blobs/manifests/manifests/x`)?.repository, "blobs/manifests");
  const others = [
    "_catalog",
    "a/blobs/uploads/",
    "a/blobs/latest",
    `a/blobs/sha256:${hex}/`,
    `a/blobs/sha256:${hex.toUpperCase()}`,
    "a/manifests/../../b/manifests/x",
    "a/manifests/.x",
    "a/manifests/x%2f",
    "a/tags/list/",
    "a/tags/list?n=1",
    "manifests/x",
    `a/referrers/x`,
    `a/manifests/${"x".repeat(129)}`,
    "a/manifests/x\n",
  ];
  for (const path of others) assert.equal(parseApiPath(path), undefined, path);
});

test("public URLs", () => {
  const yes = [
    "https://production.cloudflare.docker.com/registry-v2/x?verify=1",
    "https://s3.eu-central-1.amazonaws.com/b",
    "HTTPS://Example.COM/",
    "https://example.com:443/",
    "https://a.xn--bcher-kva.example/",
  ];
  for (const text of yes) {
    const parsed = parseStrict(text);
    assert.ok(parsed.url, text);
    assert.equal(publicProblem(parsed.url), undefined, text);
  }
  const no = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "//example.com/",
    "https:example.com",
    "https:/example.com",
    "https:///example.com",
    "https://user@example.com/",
    "https://user:pw@example.com/",
    "https://example.com:8443/",
    "https://example.com:0443/",
    "https://example.com:80/",
    "https://example.com\\@localhost/",
    "https://example.com./",
    "https://localhost/",
    "https://a.localhost/",
    "https://LOCALHOST/",
    "https://intranet/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa/",
    "https://registry.default.svc/",
    "https://registry.default.svc.cluster.local/",
    "https://registry.service.consul/",
    "https://registry.cluster/",
    "https://host.docker/",
    "https://host.containers.internal/",
    "https://web.mesh/",
    "https://nas.tailnet.ts.net/",
    "https://app.nomad/",
    "https://10.0.0.1.nip.io/",
    "https://10-0-0-1.traefik.me/",
    "https://x.vcap.me/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://1.2.3.4/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fd00::1]/",
    "https://[2606:4700::1111]/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://bücher.example/",
    "https://ex%61mple.com/",
    "https://exam\tple.com/",
    " https://example.com/",
    "https://example.com/\r\nhost: x",
    "https://127.0.0.1.nip.io/",
    "https://a_b.example/",
    "https://-a.example/",
    "https://a..example/",
    "https://a.example.0x1/",
    "https://1.2.3.4./",
    "https://",
    "",
  ];
  for (const text of no) {
    const { url } = parseStrict(text);
    assert.ok(!url || publicProblem(url) !== undefined, text);
  }
});

test("addresses", () => {
  for (const host of ["1.2.3.4", "127.1", "1", "0x7f", "[::1]", "a.0x1", "1.2.3.4."])
    assert.ok(isAddress(host), host);
  for (const host of ["example.com", "1.example", "0x.example"]) assert.ok(!isAddress(host), host);
  for (const address of [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "2001:4860::8888",
  ]) {
    assert.ok(isPublicAddress(address), address);
  }
  const no =
    "0.0.0.0 10.1.2.3 127.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 64:ff9b::a00:1 fc00::1 fe80::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1::1 01.1.1.1 1.1.1 x";
  for (const address of no.split(" ")) assert.ok(!isPublicAddress(address), address);
});
