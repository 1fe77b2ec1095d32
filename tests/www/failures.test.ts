// What people are told of failures.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { explain, registryOf, sentence } from "../../www/src/page/failures.ts";

const source = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const around = { reference: "ghcr.io/org/app:1", proxy: false, passAuthorization: false };

/** The package's codes, and those of the page that its protocol lists. */
function allCodes(): string[] {
  const own = /export type ErrorCode =([^;]*);/.exec(source("js/types/error.ts"))?.[1] ?? "";
  const page =
    /Codes besides the package's:([\s\S]*?)\*\//.exec(source("www/src/protocol/api.ts"))?.[1] ?? "";
  return [...own.matchAll(/"([A-Z_]+)"/g), ...page.matchAll(/`([A-Z_]+)`/g)].map((it) => it[1] ?? "");
}

describe("failures in words", () => {
  test("every code of the package and of the page has its own words", () => {
    const codes = allCodes();
    assert.ok(codes.length >= 24, codes.join(" "));
    const generic = explain({ code: "NO_SUCH_CODE", message: "x" }, around).title;
    for (const code of codes) {
      const { title, what } = explain({ code, message: "the sentence" }, around);
      assert.notEqual(title, generic, code);
      assert.match(what, /[.!?…]$/, code);
      assert.doesNotMatch(`${title} ${what}`, /undefined|[A-Z]{3,}_[A-Z]/, code);
    }
  });

  test("damage names the digest, whatever is private asks to sign in, a pause waits", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const said = explain({ code: "DIGEST_MISMATCH", message: "m", digest }, around);
    assert.ok(said.what.includes(digest));
    assert.equal(explain({ code: "UNAUTHORIZED", message: "m" }, around).remedy, "sign-in");
    assert.equal(explain({ code: "RATE_LIMITED", message: "m", retryAfter: 5 }, around).remedy, "wait");
    assert.equal(explain({ code: "CHOOSE_AGAIN", message: "m" }, around).remedy, "choose");
  });

  test("without a proxy, no CORS leads to a page of one's own; with one, it says that the proxy failed", () => {
    const failure = { code: "CORS", message: "m" };
    assert.match(explain(failure, around).todo.join(" "), /npx ocipeek serve/);
    assert.doesNotMatch(explain(failure, { ...around, proxy: true }).todo.join(" "), /npx ocipeek serve/);
  });

  test("a code that is a property of all objects is no code", () => {
    assert.match(explain({ code: "constructor", message: "m" }, around).title, /went wrong/);
  });

  test("registries by the names that people know; messages as sentences", () => {
    assert.equal(registryOf("alpine"), "docker.io");
    assert.equal(registryOf("org/app:1"), "docker.io");
    assert.equal(registryOf("localhost:5000/app"), "localhost:5000");
    assert.equal(registryOf("ghcr.io/org/app:1"), "ghcr.io");
    assert.equal(sentence("there is none"), "there is none.");
    assert.equal(sentence("is there one?"), "is there one?");
  });
});
