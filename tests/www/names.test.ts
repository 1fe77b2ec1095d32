// References and hosts: the table that the crate is held to, too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isLoopback, registryName } from "../../web/host.ts";
import { familiar, parseReference } from "../../web/reference.ts";

const file = new URL("../fixtures/names.json", import.meta.url);
const { references, refused, loopback } = JSON.parse(readFileSync(file, "utf8"));

test("references", () => {
  for (const { text, familiar: short, url: _, ...parts } of references) {
    const found = parseReference(text);
    assert.deepEqual(found, { tag: undefined, digest: undefined, ...parts }, text);
    assert.ok(typeof found !== "string");
    assert.equal(familiar(found), short);
    assert.deepEqual(parseReference(short), found);
    assert.equal(registryName(parts.registry), parts.registry);
  }
});

test("what is no reference", () => {
  for (const text of refused) assert.equal(typeof parseReference(text), "string", JSON.stringify(text));
});

test("hosts of this machine", () => {
  for (const host of loopback.yes) assert.ok(isLoopback(host), host);
  for (const host of loopback.no) assert.ok(!isLoopback(host), JSON.stringify(host));
});
