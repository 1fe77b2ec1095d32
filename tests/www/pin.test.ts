// "Copy link" pins the digest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pinned, repositoryOf } from "../../www/src/address/pin.ts";

const digest = `sha256:${"1".repeat(64)}`;
const indexDigest = `sha256:${"2".repeat(64)}`;

test("a tag gives way to the digest, a port stays", () => {
  assert.equal(repositoryOf("localhost:5000/app"), "localhost:5000/app");
  assert.equal(repositoryOf("localhost:5000/a/b:1.2"), "localhost:5000/a/b");
  assert.equal(repositoryOf(`alpine:3@${digest}`), "alpine");
});

test("an image of an index is pinned by the index and its platform", () => {
  const opened = { digest, indexDigest, platform: "linux/arm64/v8" };
  assert.deepEqual(pinned({ image: "ghcr.io/org/app:1", platform: undefined }, opened), {
    image: `ghcr.io/org/app@${indexDigest}`,
    platform: "linux/arm64/v8",
  });
});

test("a single image is pinned by its manifest; a local file stays what it is", () => {
  const opened = { digest, indexDigest: undefined, platform: undefined };
  assert.deepEqual(pinned({ image: "alpine", platform: undefined }, opened), {
    image: `alpine@${digest}`,
    platform: undefined,
  });
  const local = { image: "file:demo.tar", platform: undefined };
  assert.deepEqual(pinned(local, opened), local);
});
