// A large layer that a hook indexes: what it takes of an isolate's memory.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { open } from "ocipeek";
import { settings, setUp } from "../lib/hooked-worker.mjs";
import { resetPeak } from "../lib/process-memory.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { skopeoCopy } from "../lib/skopeo.mjs";
import { layoutWriter, tarOf } from "../lib/synthetic-image.mjs";
import { startBundle } from "../lib/worker.mjs";

describe("a large layer", () => {
  const LARGE_SPANS = { version: "V2", spanSize: 4 << 20 };
  const MB = 1 << 20;
  let it;
  let bundle;
  let folder;
  before(async () => {
    folder = tempFolder("large");
    const { addPlain, finish } = layoutWriter(folder.path);
    for (const size of [16, 160])
      addPlain(`size${size}`, gzipSync(tarOf([["f", randomBytes(size * MB)]]).tar, { level: 1 }));
    finish();
    it = await setUp(async (host, hooks) => {
      bundle = await startBundle(settings(host, hooks));
      return { url: bundle.url, log: bundle.output, stop: bundle.stop };
    }, LARGE_SPANS);
  });
  after(async () => {
    await it?.stop();
    folder?.remove();
  });

  test("streams past in an isolate like the edge's: its size is no matter for memory", async () => {
    const peaks = [];
    for (const [i, size] of [16, 160].entries()) {
      resetPeak(bundle.pid);
      await skopeoCopy(`oci:${folder.path}:size${size}`, `docker://${it.host}/app:size${size}`);
      const [job] = await it.quiet(i + 1);
      assert.deepEqual([job.status, job.tries], ["done", 1], JSON.stringify(job));
      peaks.push(bundle.memory().peak);
    }
    console.log(
      `measured: peaks of the process ${peaks.map((peak) => Math.round(peak / MB)).join(" and ")} MiB`,
    );
    assert.ok(peaks[1] - peaks[0] < 48 * MB, peaks.join());
    const image = await open(`${it.host}/app:size160-soci`, { platform: "linux/amd64" });
    const start = 100 * MB;
    assert.equal((await image.readFile("/f", { start, end: start + 10 })).length, 10);
    assert.ok(image.stats.bytes < 16 * MB, `${image.stats.bytes} bytes`);
  });
});
