// Who may notify, what is chosen, and the settings of both.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { ConfigError, parseConfig } from "../src/config/config.ts";
import { parseHooks } from "../src/config/hooks.ts";
import { filterProblem, matchingFilter } from "../src/config/patterns.ts";
import { provenByBody, provenByHeaders } from "../src/hooks/auth.ts";
import type { Push } from "../src/hooks/push.ts";
import { select } from "../src/hooks/select.ts";
import { AccessList } from "../src/registry/access.ts";

const SECRET = "0123456789abcdef-secret";
const OTHER = "another-secret-of-hooks";

describe("authentication", () => {
  const byHeader = (authorization: string, secrets = [SECRET]) =>
    provenByHeaders(new Headers({ authorization }), secrets);

  test("the secret as a bearer, or as a password", async () => {
    assert.equal(await byHeader(`Bearer ${SECRET}`), true);
    assert.equal(await byHeader(`bearer  ${SECRET}`), true);
    assert.equal(await byHeader(`Basic ${btoa(`anyone:${SECRET}`)}`), true);
    assert.equal(await byHeader(`Basic ${btoa(`:${SECRET}`)}`), true);
    assert.equal(await byHeader(`Bearer ${OTHER}`, [SECRET, OTHER]), true);
  });

  test("anything else is refused", async () => {
    for (const value of [
      "",
      "Bearer",
      "Bearer ",
      `Bearer ${SECRET}x`,
      `Bearer ${SECRET.slice(0, -1)}`,
      `Bearer ${OTHER}`,
      `Bearer ${SECRET} ${SECRET}`,
      SECRET,
      `Token ${SECRET}`,
      `Basic ${SECRET}`,
      `Basic ${btoa(SECRET)}`,
      `Basic ${btoa(`${SECRET}:`)}`,
      "Basic ====",
    ]) {
      assert.equal(await byHeader(value), false, value);
    }
    assert.equal(await provenByHeaders(new Headers(), [SECRET]), false);
    assert.equal(await byHeader("Bearer undefined", []), false);
  });

  test("GitHub's signature of the body, checked in place of the header", async () => {
    const body = new TextEncoder().encode('{"a": "é"}');
    const sign = (secret: string) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
    const signed = (signature: string, more = {}) =>
      new Headers({ "x-hub-signature-256": signature, ...more });
    assert.equal(
      await provenByHeaders(signed(sign(OTHER), { authorization: `Bearer ${SECRET}` }), [SECRET]),
      undefined,
    );
    assert.equal(await provenByBody(signed(sign(SECRET)), body, [SECRET]), true);
    assert.equal(await provenByBody(signed(sign(SECRET)), body, [OTHER, SECRET]), true);
    assert.equal(await provenByBody(signed(sign(OTHER)), body, [SECRET]), false);
    assert.equal(await provenByBody(signed(sign(SECRET)), body.slice(1), [SECRET]), false);
    for (const odd of [
      "",
      "sha256=",
      "sha1=00",
      sign(SECRET).slice(0, -2),
      `${sign(SECRET)}00`,
      sign(SECRET).toUpperCase(),
    ]) {
      assert.equal(await provenByBody(signed(odd), body, [SECRET]), false, odd);
    }
    assert.equal(await provenByBody(new Headers(), body, [SECRET]), false);
    // The documentation's own example: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    const known = signed("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    const text = new TextEncoder().encode("Hello, World!");
    assert.equal(await provenByBody(known, text, ["It's a Secret to Everybody"]), true);
  });
});

describe("filters", () => {
  const matches = (filter: string, image: string) => {
    const [repository = "", tag] = image.split(":");
    return matchingFilter([filter], { repository, tag: tag || undefined }) === filter;
  };

  test("as AWS's SOCI Index Builder reads them", () => {
    for (const [filter, image, expected] of [
      ["prod*:latest", "prod:latest", true],
      ["prod*:latest", "production/app:latest", true],
      ["prod*:latest", "production/app:1", false],
      ["prod*:latest", "my-prod:latest", false],
      ["dev:*", "dev:1.2", true],
      ["dev:*", "dev:", true],
      ["dev:*", "dev2:1", false],
      ["dev:*", "dev/app:1", false],
      ["*:*", "a/b/c:x", true],
      ["*:*", "a:", true],
      ["*/app:v*", "org/app:v1", true],
      ["*/app:v*", "app:v1", false],
      ["org/*-api:1.*.0", "org/x-api:1.22.0", true],
      ["org/*-api:1.*.0", "org/x-api:1.0", false],
      ["a.c:1", "abc:1", false],
    ] as const) {
      assert.equal(matches(filter, image), expected, `${filter} ${image}`);
    }
    assert.equal(matchingFilter(["a:b", "x*:*", "*:*"], { repository: "xy", tag: "1" }), "x*:*");
    assert.equal(matchingFilter([], { repository: "xy", tag: "1" }), undefined);
  });

  test("the hardest pattern takes no time", () => {
    const filter = `${"a*".repeat(190)}b:*`;
    assert.equal(filterProblem(filter), undefined);
    const start = performance.now();
    for (let i = 0; i < 100; i++) matchingFilter([filter], { repository: "a".repeat(255), tag: "t" });
    assert.ok(performance.now() - start < 500);
  });

  test("what is no pattern", () => {
    for (const filter of [
      "",
      "*",
      "a",
      "a:",
      ":b",
      "a:b:c",
      "a b:c",
      "[a]:b",
      "a?:b",
      "é:b",
      `${"a".repeat(400)}:b`,
    ]) {
      assert.ok(filterProblem(filter), filter);
    }
  });
});

describe("selection", () => {
  const access = new AccessList(
    parseConfig({
      OCIPEEK_REGISTRIES: ["ghcr.io/org/**", "docker.io"],
      OCIPEEK_INSECURE_REGISTRIES: ["localhost:5000"],
    }),
  );
  const digest = `sha256:${"ab".repeat(32)}`;
  const push = (image: Partial<Push>): Push => ({
    registry: "ghcr.io",
    repository: "org/app",
    tag: "1",
    digest,
    event: undefined,
    ...image,
  });
  const reasonOf = (image: Partial<Push>, config: object = {}) => {
    const rules = {
      config: { filters: ["*:*"], suffix: "-soci", version: "V2" as const, ...config },
      access,
    };
    const { selected, ignored } = select({ pushes: [push(image)], ignored: [] }, rules);
    return selected[0]?.filter ?? ignored[0]?.reason;
  };

  test("what is chosen", () => {
    assert.equal(reasonOf({}), "*:*");
    assert.equal(reasonOf({}, { filters: ["x:y", "org/*:1"] }), "org/*:1");
    assert.equal(reasonOf({}, { filters: ["x:y"] }), "filtered");
    assert.equal(reasonOf({ tag: undefined }), "untagged");
    assert.equal(reasonOf({ tag: undefined }, { version: "V1" }), "*:*");
    assert.equal(reasonOf({ tag: undefined }, { version: "V1", filters: ["*:latest"] }), "filtered");
    assert.equal(reasonOf({ registry: "localhost:5000" }), "*:*");
  });

  test("its own output and lists of referrers never are", () => {
    for (const version of ["V1", "V2"]) {
      assert.equal(reasonOf({ tag: "1-soci" }, { version }), "own-tag");
      assert.equal(reasonOf({ tag: "1-lazy" }, { version, suffix: "-lazy" }), "own-tag");
      assert.equal(reasonOf({ tag: digest.replace(":", "-") }, { version }), "referrers-tag");
      assert.equal(reasonOf({ tag: `${digest.replace(":", "-")}.sig` }, { version }), "referrers-tag");
    }
  });

  test("only what the configuration lists", () => {
    for (const image of [
      { repository: "other/app" },
      { registry: "quay.io" },
      { registry: "169.254.169.254" },
      { registry: "localhost:5001" },
      { registry: "ghcr.io:443" },
    ]) {
      assert.equal(reasonOf(image), "not-allowed");
    }
  });

  test("an image named twice is chosen once", () => {
    const rules = { config: { filters: ["*:*"], suffix: "-soci", version: "V2" as const }, access };
    const pushes = [push({ event: "a" }), push({ event: "b" }), push({ tag: "2" })];
    const { selected } = select({ pushes, ignored: [] }, rules);
    assert.deepEqual(
      selected.map((one) => [one.push.tag, one.push.event]),
      [
        ["1", "a"],
        ["2", undefined],
      ],
    );
  });
});

describe("settings", () => {
  test("without a secret there are no hooks", () => {
    assert.equal(parseHooks({}), undefined);
    assert.equal(parseHooks({ OCIPEEK_HOOKS: { filters: ["a:b"] }, OCIPEEK_HOOK_SECRET: "" }), undefined);
    assert.equal(parseConfig({}).hooks, undefined);
  });

  test("defaults, and what changes them", () => {
    const { secrets, ...config } = parseHooks({ OCIPEEK_HOOK_SECRET: SECRET }) ?? assert.fail();
    assert.deepEqual(secrets, [SECRET]);
    assert.deepEqual(config, {
      filters: ["*:*"],
      version: "V2",
      suffix: "-soci",
      platforms: undefined,
      spanSize: 4_194_304,
      minLayerSize: 10_485_760,
      registries: {},
      limits: {
        maxLayerSize: 268_435_456,
        maxBody: 1_048_576,
        maxBodySeconds: 10,
        maxUnproven: 4_194_304,
        maxWaiting: 4,
        maxRunning: 2,
        maxAttempts: 5,
        maxSeconds: 840,
        maxInflatedBytes: 8_589_934_592,
        maxInflation: 200,
        maxSubrequests: 45,
      },
    });
    const set = {
      filters: "prod*:latest, dev:*",
      version: "V1",
      platforms: ["linux/amd64"],
      registries: { harbor: "harbor.example.com" },
      maxLayerSize: 0,
    };
    const text = JSON.stringify(set);
    for (const value of [set, text]) {
      const given = parseHooks({ OCIPEEK_HOOK_SECRET: [SECRET, OTHER], OCIPEEK_HOOKS: value });
      assert.deepEqual(given?.secrets, [SECRET, OTHER]);
      assert.deepEqual(given?.filters, ["prod*:latest", "dev:*"]);
      assert.deepEqual(
        [given?.version, given?.platforms, given?.limits.maxLayerSize],
        ["V1", ["linux/amd64"], 0],
      );
      assert.deepEqual(given?.registries, { harbor: "harbor.example.com" });
    }
    const more = parseConfig({ OCIPEEK_HOOK_SECRET: SECRET, OCIPEEK_LIMITS: { maxSubrequests: 900 } });
    assert.equal(more.hooks?.limits.maxSubrequests, 900);
  });

  test("mistakes are named, the secret is not", () => {
    for (const [env, name] of [
      [{ OCIPEEK_HOOK_SECRET: "short" }, /OCIPEEK_HOOK_SECRET/],
      [{ OCIPEEK_HOOK_SECRET: "with space 0123456789" }, /OCIPEEK_HOOK_SECRET/],
      [{ OCIPEEK_HOOK_SECRET: [SECRET, "short"] }, /OCIPEEK_HOOK_SECRET/],
      [{ OCIPEEK_HOOK_SECRET: Array(5).fill(SECRET) }, /OCIPEEK_HOOK_SECRET/],
      [{ OCIPEEK_HOOKS: { filter: ["*:*"] } }, /there is no filter/],
      [{ OCIPEEK_HOOKS: { filters: ["*"] } }, /filters/],
      [{ OCIPEEK_HOOKS: { version: "v2" } }, /version/],
      [{ OCIPEEK_HOOKS: { suffix: "" } }, /suffix/],
      [{ OCIPEEK_HOOKS: { suffix: "a/b" } }, /suffix/],
      [{ OCIPEEK_HOOKS: { platforms: ["amd64"] } }, /platforms/],
      [{ OCIPEEK_HOOKS: { spanSize: 0 } }, /spanSize/],
      [{ OCIPEEK_HOOKS: { maxBody: -1 } }, /maxBody/],
      [{ OCIPEEK_HOOKS: { registries: { ghcr: "ghcr.io" } } }, /registries/],
      [{ OCIPEEK_HOOKS: { registries: { harbor: "https://x" } } }, /registries/],
    ] as const) {
      assert.throws(
        () => parseHooks(env),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, name);
          assert.ok(!error.message.includes(SECRET) && !error.message.includes("short"));
          return true;
        },
      );
    }
  });
});
