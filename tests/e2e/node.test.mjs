// Every file of the demo image from a real docker-registry, in Node.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open } from "ocipeek";
import { startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { forReaders, variants } from "../lib/variants.mjs";
import { checkImage } from "../shared/check-image.mjs";
import { checkReaders } from "../shared/check-readers.mjs";

describe("the whole demo image in Node", () => {
  let registry;
  before(async () => {
    registry = await startDemoRegistry();
  });
  after(() => registry?.stop());

  for (const [i, { name }] of variants("").entries()) {
    test(name, async () => {
      const { reference, options } = variants(registry.host)[i];
      const report = await checkImage(open, { reference, options, merged: merged(), layers: layers() });
      assert.deepEqual(report.problems, []);
      assert.ok(report.files > 4000, `${report.files} files`);
      assert.equal(report.layerReads.length, 6);
      const by = options.sociIndex === false && !("index" in options) ? "whole" : "ztoc";
      for (const read of report.layerReads.slice(0, 5)) assert.equal(read, by);
    });
  }

  test("several readers at the same time", async () => {
    assert.deepEqual(await checkReaders(open, forReaders(registry.host, merged())), { problems: [] });
  });
});
