// The cache tiers on the edge's own runtime: what its Cache API and R2 do with ranges is not ours to assume.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { tempFolder } from "../lib/processes.mjs";
import { startWorker } from "../lib/worker.mjs";

let folder;
let worker;
before(async () => {
  folder = tempFolder("tiers");
  const config = join(folder.path, "wrangler.json");
  const main = new URL("../shared/worker-tiers.mjs", import.meta.url).pathname;
  const r2 = [{ binding: "OCIPEEK_BUCKET", bucket_name: "test" }];
  writeFileSync(
    config,
    JSON.stringify({ name: "tiers", main, compatibility_date: "2026-08-01", r2_buckets: r2 }),
  );
  worker = await startWorker({ config, folder: join(folder.path, "state") });
});
after(async () => {
  await worker?.stop();
  folder?.remove();
});

test("whole values and parts, in the Cache API and in R2", async () => {
  const answer = await fetch(worker.url);
  const text = await answer.text();
  assert.equal(answer.status, 200, `${text}\n${worker.output()}`);
  const { api, r2, copy, range } = JSON.parse(text);
  const good = { missed: true, whole: true, ranges: [true, true, true, true, true] };
  assert.deepEqual(api, { ...good, beyond: 0 });
  assert.deepEqual({ ...r2, beyond: undefined }, { ...good, beyond: undefined });
  assert.deepEqual(copy, { part: true, whole: true });
  assert.deepEqual(range, [206, "bytes 7-9/300000", 3]);
});
