// Every error has a code, and says which image it is of.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { open } from "ocipeek";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { ROOT } from "../../scripts/lib/run.mjs";

test("the message of each error of an image names it", async () => {
  const dir = join(ROOT, "tests", "fixtures", "demo");
  const registry = await serveLayout({ dir, repository: "demo" });
  const name = `${registry.host}/demo`;
  const image = await open(`${name}:latest-soci`, { platform: "linux/amd64" });
  const stopped = AbortSignal.abort();
  const calls = /** @type {[string, () => Promise<any>][]} */ ([
    ["ENOENT", () => image.readFile("/no/such")],
    ["EISDIR", () => image.readFile("/etc")],
    ["EINVAL", () => image.readlink("/etc/services")],
    ["INVALID_ARGUMENT", async () => image.layer(99)],
    ["ABORTED", () => image.readFile("/etc/services", { signal: stopped })],
    ["ENOENT", () => image.layer(0).stat("/no/such")],
  ]);
  const isNamed = (code) => (/** @type {any} */ error) => {
    assert.deepEqual([error.code, error.reference], [code, name], error.message);
    assert.equal(error.message.split(`[${name}]`).length, 2, error.message);
    return true;
  };
  for (const [code, call] of calls) await assert.rejects(call, isNamed(code));
  await image.close();
  await assert.rejects(image.readFile("/etc/services"), isNamed("INVALID_ARGUMENT"));
  await assert.rejects(open(`${name}:none`), ({ code, message }) => {
    assert.equal(code, "NOT_FOUND");
    return message.includes(`[${name}:none]`);
  });
  await registry.close();
});

test("a library that was not set up says so by a code", async () => {
  const entry = (path) => JSON.stringify(new URL(`../../dist/js/${path}`, import.meta.url).href);
  const program = `
    const { open } = await import(${entry("image/open.js")});
    const { buildZtoc } = await import(${entry("build/ztoc.js")});
    const codes = [];
    for (const call of [() => open("a:1"), () => buildZtoc(new Blob([]).stream())])
      await call().catch((error) => codes.push([error.name, error.code].join()));
    console.log(codes.join(" "));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  assert.equal(stdout.trim(), "OcipeekError,NOT_LOADED OcipeekError,NOT_LOADED");
});
