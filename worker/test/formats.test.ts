// What ETags say of who vouches for an answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Image, Verification } from "ocipeek";
import { isVerified, weakMark } from "../src/request/formats.ts";

const DIGEST = `sha256:${"1".repeat(64)}`;
const INDEX = `sha256:${"2".repeat(64)}`;
const image = { digest: DIGEST, soci: { digest: INDEX } } as Image;
const verified: Verification = {
  manifest: "digest",
  metadata: "layer-digest",
  content: "layer-digest",
  header: false,
};

test("an answer that no digest vouches for has another ETag than one that was verified", () => {
  for (const index of [undefined, "image", "named", "own", "checked"] as const) {
    assert.equal(weakMark(image, index ? { ...verified, index } : verified), "");
  }
  assert.equal(weakMark(image, { ...verified, index: "attached" }), `attached ${INDEX}`);
  for (const weak of [{ metadata: "crc" }, { content: "crc" }, { content: "none" }] as const) {
    assert.equal(isVerified({ ...verified, ...weak }), false);
    assert.equal(weakMark(image, { ...verified, ...weak }), "unverified");
  }
});
