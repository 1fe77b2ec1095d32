// What a caller may get wrong: told with a code, before anything is fetched.
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildZtoc } from "../../dist/js/build/entry/node.js";
import { imagesIn, open, openSource } from "../../dist/js/entry/node.js";

const never = () => assert.fail("something was fetched");
const REFERENCE = "127.0.0.1:1/a:1";

for (const [name, source] of [
  ["undefined", undefined],
  ["null", null],
  ["a number", 5],
  ["a boolean", true],
  ["such an object", {}],
  ["an array", []],
  ["an empty reference", ""],
]) {
  test(`a source that is ${name}`, async () => {
    for (const call of [open, openSource, imagesIn]) {
      await assert.rejects(
        call(/** @type {any} */ (source), { fetch: never }),
        (/** @type {any} */ error) => {
          assert.match(error.code, /^INVALID_(ARGUMENT|REFERENCE)$/);
          if (source !== "") assert.match(error.message, new RegExp(`source must be .*, not ${name}$`));
          return true;
        },
      );
    }
  });
}

for (const [name, value] of /** @type {[string, any][]} */ ([
  ["auth", "user:pass"],
  ["auth", 5],
  ["signal", 5],
  ["signal", {}],
  ["signal", "abort"],
  ["cache", "folder"],
  ["cache", { get() {} }],
  ["fetch", {}],
  ["onProgress", 1],
  ["onIndexing", "x"],
  ["limits", 7],
  ["limits", { maxManifestSize: "many" }],
  ["platform", 5],
  ["sociIndex", 5],
  ["attachedIndex", "yes"],
  ["reader", 5],
  ["index", "later"],
  ["verify", "no"],
  ["plainHttp", "yes"],
  ["tokenHosts", "host"],
])) {
  test(`${name}: ${JSON.stringify(value)}`, async () => {
    const options = { fetch: never, [name]: value };
    await assert.rejects(open(REFERENCE, options), (/** @type {any} */ error) => {
      assert.match(error.code, /^INVALID_(ARGUMENT|PLATFORM|REFERENCE)$/, error.stack);
      assert.match(error.message, new RegExp(name));
      assert.doesNotMatch(error.message, /user:pass/);
      return true;
    });
  });
}

test("a layer that is no stream", async () => {
  for (const layer of ["layer.tar.gz", 5, null]) {
    await assert.rejects(buildZtoc(/** @type {any} */ (layer)), { code: "INVALID_ARGUMENT" });
  }
});

test("options that are none", async () => {
  await assert.rejects(open(REFERENCE, /** @type {any} */ (null)), { code: "INVALID_ARGUMENT" });
  await assert.rejects(open(REFERENCE, /** @type {any} */ ("latest")), { code: "INVALID_ARGUMENT" });
});
