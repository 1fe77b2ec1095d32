// Which proxy a URL is reached by: one table for the package and the crate.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { proxyFetch, proxyFetchIfNeeded, proxyFor } from "../../dist/js/node/index.js";

const cases = JSON.parse(readFileSync(new URL("../fixtures/proxies/cases.json", import.meta.url), "utf8"));

for (const { name, env, ask } of cases) {
  test(name, () => {
    for (const [url, want] of Object.entries(ask)) {
      assert.equal(proxyFor(new URL(url), env) ?? null, want, url);
    }
  });
}

test("what is no proxy is said, without what it holds", () => {
  for (const value of [
    "socks5://u:s3cret@p.test",
    "ftp://p.test",
    "http://[s3cret",
    "http://p.test:s3cret",
  ]) {
    for (const name of ["HTTPS_PROXY", "http_proxy"]) {
      const refused = (e) =>
        e.code === "INVALID_ARGUMENT" && e.message.includes(name) && !/s3cret/.test(String(e.stack));
      assert.throws(() => proxyFetch({ env: { [name]: value } }), refused, value);
    }
  }
  assert.equal(proxyFetchIfNeeded({ env: { NO_PROXY: "*" } }), undefined);
  assert.equal(typeof proxyFetchIfNeeded({ env: { https_proxy: "p.test:3128" } }), "function");
  const missing = (e) => e.code === "INVALID_ARGUMENT" && e.message.includes("/nonexistent");
  assert.throws(() => proxyFetch({ env: {}, caFile: "/nonexistent" }), missing);
  assert.throws(() => proxyFetch({ env: {}, caFile: import.meta.filename }), { code: "INVALID_ARGUMENT" });
});
