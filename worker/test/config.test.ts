// The configuration out of variables, secrets and JSON.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostProblem } from "../../web/host.ts";
import { ConfigError, DEFAULT_REGISTRIES, parseConfig } from "../src/config/config.ts";

describe("configuration", () => {
  test("of nothing is the default", () => {
    const config = parseConfig({});
    assert.deepEqual(
      config.registries,
      DEFAULT_REGISTRIES.map((registry) => ({ registry, repository: "**" })),
    );
    assert.deepEqual(config.insecureRegistries, []);
    assert.equal(config.defaultPlatform, "linux/amd64");
    assert.equal(config.passAuthorization, false);
    assert.equal(config.tagTtl, 60);
    assert.equal(config.maxMemory, 52 << 20);
    assert.equal(parseConfig({ OCIPEEK_MAX_MEMORY: "1000000" }).maxMemory, 1_000_000);
    assert.throws(() => parseConfig({ OCIPEEK_MAX_MEMORY: "64 MiB" }), /OCIPEEK_MAX_MEMORY/);
    assert.ok(config.limits.maxSubrequests < 50, "the free plan's");
    assert.equal(config.dockerConfig, undefined);
    assert.equal(config.aws, undefined);
    assert.deepEqual(
      parseConfig({ OCIPEEK_REGISTRIES: "", OCIPEEK_LIMITS: "", OCIPEEK_TAG_TTL: 60 }),
      config,
    );
  });

  test("lists are text or JSON", () => {
    const expected = [
      { registry: "ghcr.io", repository: "org/*" },
      { registry: "quay.io", repository: "**" },
      { registry: "localhost:5000", repository: "a/**/b-*" },
    ];
    const lines = ["ghcr.io/org/*", "quay.io", "localhost:5000/a/**/b-*"];
    for (const value of [
      lines,
      JSON.stringify(lines),
      lines.join(","),
      lines.join(" "),
      `${lines.join(",\n ")} `,
    ]) {
      assert.deepEqual(parseConfig({ OCIPEEK_REGISTRIES: value }).registries, expected);
    }
  });

  test("objects are JSON or values, and change what they name", () => {
    for (const value of [{ maxSubrequests: 900 }, '{"maxSubrequests": 900}', { maxSubrequests: "900" }]) {
      const { limits } = parseConfig({ OCIPEEK_LIMITS: value });
      assert.deepEqual(limits, { ...parseConfig({}).limits, maxSubrequests: 900 });
    }
    const { libraryLimits } = parseConfig({ OCIPEEK_LIBRARY_LIMITS: { maxLinkHops: 5, maxZtocSize: 1 } });
    assert.deepEqual([libraryLimits.maxLinkHops, libraryLimits.maxZtocSize], [5, 1]);
    assert.ok(libraryLimits.maxEntries);
    assert.equal(parseConfig({ OCIPEEK_CACHE: { cacheApi: "false" } }).cache.cacheApi, false);
  });

  test("secrets", () => {
    const auths = { auths: { "ghcr.io": { auth: "dTpw" } } };
    assert.equal(
      parseConfig({ OCIPEEK_DOCKER_CONFIG: JSON.stringify(auths) }).dockerConfig,
      JSON.stringify(auths),
    );
    assert.equal(parseConfig({ OCIPEEK_DOCKER_CONFIG: auths }).dockerConfig, JSON.stringify(auths));
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" };
    assert.deepEqual(parseConfig(keys).aws, {
      accessKeyId: "a",
      secretAccessKey: "s",
      sessionToken: undefined,
    });
    assert.equal(parseConfig({ AWS_ACCESS_KEY_ID: "a" }).aws, undefined);
  });

  const wrong: Record<string, unknown>[] = [
    { OCIPEEK_REGISTRIES: "GHCR.io" },
    { OCIPEEK_REGISTRIES: "ghcr.io." },
    { OCIPEEK_REGISTRIES: "*.io" },
    { OCIPEEK_REGISTRIES: "ghcr.io/" },
    { OCIPEEK_REGISTRIES: "ghcr.io/Org" },
    { OCIPEEK_REGISTRIES: "https://ghcr.io" },
    { OCIPEEK_REGISTRIES: [1] },
    { OCIPEEK_REGISTRIES: "[" },
    { OCIPEEK_REGISTRIES: {} },
    { OCIPEEK_INSECURE_REGISTRIES: "localhost:5000/x" },
    { OCIPEEK_INSECURE_REGISTRIES: "https://localhost:5000/x" },
    { OCIPEEK_INSECURE_REGISTRIES: "ftp://localhost:5000" },
    { OCIPEEK_INSECURE_REGISTRIES: "https://user@localhost:5000" },
    { OCIPEEK_DEFAULT_PLATFORM: "amd64" },
    { OCIPEEK_PASS_AUTHORIZATION: "yes" },
    { OCIPEEK_TAG_TTL: -1 },
    { OCIPEEK_TAG_TTL: "1.5" },
    { OCIPEEK_TAG_TTL: "1m" },
    { OCIPEEK_UNVERIFIED: true },
    { OCIPEEK_UNVERIFIED: "none" },
    { OCIPEEK_LIMITS: "{" },
    { OCIPEEK_LIMITS: [] },
    { OCIPEEK_LIMITS: { maxSubrequest: 1 } },
    { OCIPEEK_LIMITS: { maxSubrequests: null } },
    { OCIPEEK_CACHE: { generation: "../x" } },
    { OCIPEEK_CACHE: "x" },
  ];
  for (const env of wrong) {
    test(`is refused: ${JSON.stringify(env)}`, () => {
      const [name = ""] = Object.keys(env);
      assert.throws(
        () => parseConfig(env),
        (error) => error instanceof ConfigError && error.message.startsWith(name),
      );
    });
  }

  test("that is refused does not show a secret", () => {
    assert.throws(
      () => parseConfig({ OCIPEEK_DEFAULT_PLATFORM: { secret: "hunter2" } }),
      (error) => error instanceof ConfigError && !error.message.includes("hunter2"),
    );
  });
});

describe("hosts", () => {
  test("are written in one way", () => {
    for (const host of [
      "ghcr.io",
      "localhost",
      "a:1",
      "a.b.c:65535",
      "127.0.0.1:5000",
      "xn--d1acufc.xn--p1ai",
    ]) {
      assert.equal(hostProblem(host), undefined, host);
    }
    for (const host of [
      "",
      ".",
      "a",
      "a.",
      "A.b",
      "a..b",
      "-a.b",
      "a-.b",
      "a_b.c",
      "a.b:",
      "a.b:0",
      "a.b:99999",
    ]) {
      assert.ok(hostProblem(host), host);
    }
    for (const host of [
      "é.io",
      "a b.c",
      "a@b.c",
      "a/b",
      "[::1]",
      "a.b:1:2",
      `${"a".repeat(64)}.io`,
      "a\0.b",
    ]) {
      assert.ok(hostProblem(host), host);
    }
  });
});
