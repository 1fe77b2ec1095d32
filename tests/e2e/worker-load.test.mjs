// A short load on the warm worker: no error, and nothing asked of the registry. `npm run bench worker` is the long one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureLoad } from "../lib/load.mjs";

test("32 connections on warm files", async () => {
  const rows = await measureLoad({ connections: 32, seconds: 3, names: ["worker", "serve"] });
  for (const row of rows) {
    const where = `${row.server}, ${row.load}`;
    console.log(
      `measured: ${where}: ${row.perSecond.toFixed(0)} requests/s, ${(row.peak / 2 ** 20).toFixed(0)} MiB`,
    );
    assert.deepEqual([row.errors, row.status, row.timeouts], [0, 0, 0], where);
    assert.ok(row.requests > 100, `${where}: ${row.requests} requests`);
    assert.equal(row.asked, 0, where);
  }
});
