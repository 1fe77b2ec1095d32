// A layout that somebody else made must not make us write, delete or read elsewhere.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { LayoutDestination } from "../../dist/js/node/index.js";
import { tempFolder } from "../lib/processes.mjs";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const blobOf = (text) => {
  const bytes = Buffer.from(text);
  return { digest: digestOf(bytes), size: bytes.length, read: async (from, to) => bytes.subarray(from, to) };
};
const manifestOf = (value) => {
  const bytes = Buffer.from(JSON.stringify(value));
  return { mediaType: MANIFEST, digest: digestOf(bytes), bytes };
};

describe("links in a layout that is written to", () => {
  let folder;
  let layout;
  let outside;
  beforeEach(() => {
    folder = tempFolder("layout-links");
    layout = join(folder.path, "layout");
    outside = join(folder.path, "outside");
    mkdirSync(layout);
    mkdirSync(join(outside, "sha256"), { recursive: true });
  });
  afterEach(() => folder.remove());

  const refused = (doing, file) =>
    assert.rejects(doing, (/** @type {any} */ error) => {
      assert.equal(error.code, "INVALID_ARGUMENT");
      assert.ok(error.message.includes(join(layout, file)), error.message);
      assert.match(error.message, /symbolic link/);
      return true;
    });
  const untouched = () => assert.deepEqual(readdirSync(join(outside, "sha256")), []);
  const all = (destination) => [
    () => destination.putBlob(blobOf("content")),
    () => destination.putManifest(manifestOf({ schemaVersion: 2 }), { tag: "t" }),
    () =>
      destination.putReferrer(
        manifestOf({ schemaVersion: 2, subject: { digest: digestOf("x"), mediaType: MANIFEST, size: 1 } }),
      ),
    () => destination.deleteManifest(digestOf("x")),
    () => destination.getManifest(digestOf("x")),
  ];

  test("blobs", async () => {
    symlinkSync(outside, join(layout, "blobs"));
    for (const doing of all(new LayoutDestination(layout))) await refused(doing, "blobs");
    untouched();
  });

  test("blobs/sha256", async () => {
    mkdirSync(join(layout, "blobs"));
    symlinkSync(join(outside, "sha256"), join(layout, "blobs", "sha256"));
    for (const doing of all(new LayoutDestination(layout))) await refused(doing, join("blobs", "sha256"));
    untouched();
  });

  test("a manifest that is deleted where a link leads stays", async () => {
    const victim = digestOf("victim");
    writeFileSync(join(outside, "sha256", victim.slice(7)), "victim");
    symlinkSync(outside, join(layout, "blobs"));
    await refused(() => new LayoutDestination(layout).deleteManifest(victim), "blobs");
    assert.equal(readFileSync(join(outside, "sha256", victim.slice(7)), "utf8"), "victim");
  });

  test("index.json and oci-layout: what they lead to is neither read nor written", async () => {
    const secret = join(outside, "secret.json");
    writeFileSync(secret, '{"manifests":[],"secret":"s3cret"}');
    symlinkSync(secret, join(layout, "index.json"));
    const destination = new LayoutDestination(layout);
    await refused(
      () => destination.putManifest(manifestOf({ schemaVersion: 2 }), { tag: "t" }),
      "index.json",
    );
    await refused(() => destination.getManifest("t"), "index.json");
    assert.equal(readFileSync(secret, "utf8"), '{"manifests":[],"secret":"s3cret"}');
    for (const name of readdirSync(layout)) {
      if (lstatSync(join(layout, name)).isFile()) {
        assert.doesNotMatch(readFileSync(join(layout, name), "utf8"), /s3cret/);
      }
    }

    renameSync(join(layout, "index.json"), join(folder.path, "away"));
    const marker = join(outside, "marker");
    symlinkSync(marker, join(layout, "oci-layout.planted"));
    renameSync(join(layout, "oci-layout.planted"), join(layout, "oci-layout"));
    await destination.putManifest(manifestOf({ schemaVersion: 2 }), { tag: "t" });
    assert.ok(!existsSync(marker), "the link was replaced, not followed");
    assert.ok(lstatSync(join(layout, "oci-layout")).isFile());
  });

  test("a blob that is a link is written as a file in its place", async () => {
    mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
    const blob = blobOf("content");
    const victim = join(outside, "victim");
    writeFileSync(victim, "CONTENT");
    const place = join(layout, "blobs", "sha256", blob.digest.slice(7));
    symlinkSync(victim, place);
    assert.equal(await new LayoutDestination(layout).putBlob(blob), "uploaded");
    assert.ok(lstatSync(place).isFile());
    assert.equal(readFileSync(place, "utf8"), "content");
    assert.equal(readFileSync(victim, "utf8"), "CONTENT");
  });

  test("a folder that is swapped while a blob is written", async () => {
    const bytes = Buffer.from("content");
    const destination = new LayoutDestination(layout);
    const swap = async (from, to) => {
      renameSync(join(layout, "blobs"), join(folder.path, "blobs-away"));
      symlinkSync(outside, join(layout, "blobs"));
      return bytes.subarray(from, to);
    };
    await refused(
      () => destination.putBlob({ digest: digestOf(bytes), size: bytes.length, read: swap }),
      "blobs",
    );
    untouched();
  });

  test("the layout's own path may be a link: it is the caller's", async () => {
    const link = join(folder.path, "link");
    symlinkSync(layout, link);
    const destination = new LayoutDestination(link);
    const manifest = manifestOf({ schemaVersion: 2 });
    await destination.putManifest(manifest, { tag: "t" });
    assert.equal((await destination.getManifest("t"))?.digest, manifest.digest);
    assert.deepEqual(readdirSync(layout).sort(), ["blobs", "index.json", "oci-layout"]);
  });
});
