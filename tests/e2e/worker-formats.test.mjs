// Images in every lazy format through the worker in workerd: files, listings, and what answers say of how they were read and
// verified; what has no digests for parts is read whole, or refused with what to do, or by ranges where a setting says so.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { LARGE, nameOf, paths, SHOWN, startFormatImages } from "../lib/format-images.mjs";
import { startBundle } from "../lib/worker.mjs";

const sha256 = (bytes) => createHash("sha256").update(Buffer.from(bytes)).digest("hex");
const FILE = paths().find(({ path }) => path === "lib/libc.so.6");
const merged = (reader) => ["nydus", "overlaybd", "turbooci"].includes(reader);

describe("images in lazy formats through the worker", () => {
  let registry;
  let worker;
  let lenient;
  before(async () => {
    registry = await startFormatImages({ large: true });
    const vars = { OCIPEEK_INSECURE_REGISTRIES: registry.host };
    worker = await startBundle(vars);
    lenient = await startBundle({ ...vars, OCIPEEK_UNVERIFIED: "crc" });
  });
  after(async () => {
    await worker?.stop();
    await lenient?.stop();
    await registry?.stop();
  });

  const get = async (name, path = "", { at = worker, method = "GET" } = {}) => {
    const answer = await fetch(`${at.url}/${registry.host}/${name}/${path}`, { method });
    return {
      answer,
      header: (key) => answer.headers.get(key),
      body: Buffer.from(await answer.arrayBuffer()),
    };
  };

  for (const [folder, { reader, metadata, content }] of Object.entries(SHOWN)) {
    test(`${folder}: ${reader}, ${metadata}, ${content}`, async () => {
      const name = nameOf(folder);
      const file = await get(name, `-/${FILE.path}`);
      assert.equal(file.answer.status, 200, `${file.body}\n${worker.output()}`);
      assert.equal(sha256(file.body), FILE.sha256);
      assert.equal(file.header("x-ocipeek-reader"), reader);
      assert.equal(
        file.header("x-ocipeek-verified"),
        `manifest=tag, metadata=${metadata}, content=${content}`,
      );
      assert.equal(file.header("x-ocipeek-layer") === null, merged(reader));

      const listing = JSON.parse((await get(name, "-/lib/")).body.toString());
      assert.equal(listing.reader, reader);
      assert.deepEqual(listing.verified, { manifest: "tag", metadata, content, header: false });
      const entry = listing.entries.find((it) => it.name === "libc.so.6");
      assert.equal(entry.size, FILE.size);
      assert.equal(entry.layer, merged(reader) ? null : 0);

      const digest = file.header("x-ocipeek-digest");
      const [repository] = name.split(":");
      // A TOC in another image is found by the tag alone.
      const pinned = await get(`${repository}@${digest}`, `-/${FILE.path}`);
      assert.equal(sha256(pinned.body), FILE.sha256);
      assert.match(pinned.header("cache-control"), /immutable/);

      const summary = JSON.parse((await get(name)).body.toString());
      assert.deepEqual([...new Set(summary.layers.map((layer) => layer.reader.name))], [reader]);
      assert.equal(
        summary.layers.every((layer) => (layer.files === undefined) === merged(reader)),
        true,
      );
      if (!merged(reader)) return;
      const alone = await get(name, `-/?layer=${summary.layers[0].digest}`);
      assert.deepEqual(
        [alone.answer.status, JSON.parse(alone.body.toString()).error.code],
        [404, "NOT_FOUND"],
      );
      assert.match(alone.body.toString(), /makes one tree of its layers/);
    });
  }

  test("files of images that share nothing have unlike tags", async () => {
    const tags = [];
    for (const folder of ["nydus-v5", "nydus-v6", "overlaybd", "turbooci-erofs"]) {
      const { header } = await get(nameOf(folder), `-/${FILE.path}`, { method: "HEAD" });
      tags.push(header("etag"));
    }
    assert.equal(new Set(tags).size, tags.length, tags.join());
  });

  test("over the limit it is refused, and the answer says what can be done", async () => {
    const { answer, body } = await get(LARGE, `-/${FILE.path}`);
    const { error } = JSON.parse(body.toString());
    assert.deepEqual([answer.status, error.code], [413, "LIMIT_EXCEEDED"]);
    assert.match(error.message, /maxWholeLayerSize = 25165824/);
    assert.match(error.message, /OCIPEEK_UNVERIFIED = "crc"/);
    assert.ok(!error.message.includes("verify: false"));
  });

  test("where the setting says so it is read by ranges, says so, and is not kept for ever", async () => {
    const { answer, header, body } = await get(LARGE, `-/${FILE.path}`, { at: lenient });
    assert.equal(answer.status, 200, `${body}\n${lenient.output()}`);
    assert.equal(sha256(body), FILE.sha256);
    assert.equal(header("x-ocipeek-reader"), "overlaybd");
    assert.equal(header("x-ocipeek-verified"), "manifest=tag, metadata=crc, content=crc");
    assert.ok(Number(header("x-ocipeek-bytes")) < 1 << 20);
    const pinned = await get(`large@${header("x-ocipeek-digest")}`, `-/${FILE.path}`, { at: lenient });
    assert.match(pinned.header("cache-control"), /^public, max-age=60/);
    const turbo = await get(nameOf("turbooci-ext4"), `-/${FILE.path}`, { at: lenient });
    assert.equal(turbo.header("x-ocipeek-verified"), "manifest=tag, metadata=layer-digest, content=none");
    // Whoever has it is not told later, where the setting is another, that it is what was verified.
    for (const path of [FILE.path, "lib/", "lib/?recursive", "lib/?tar"]) {
      const [weak, strong] = await Promise.all(
        [lenient, worker].map((at) => get(nameOf("overlaybd"), `-/${path}`, { at, method: "HEAD" })),
      );
      assert.notEqual(weak.header("etag"), strong.header("etag"), path);
    }
    // What has digests is verified as ever.
    const { header: verified } = await get(nameOf("estargz"), `-/${FILE.path}`, { at: lenient });
    assert.equal(verified("x-ocipeek-verified"), "manifest=tag, metadata=toc-digest, content=chunk-digest");
  });
});
