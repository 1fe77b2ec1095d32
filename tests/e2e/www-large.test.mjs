// The page with 100,000 files: the main thread is never blocked for long, and filters answer within a key's time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureLargePage } from "../lib/large-page.mjs";

/** The machine does other things, too: what is long by itself is long each time. */
const ROUNDS = 3;
const MAX_TASK_MS = 100;
const MAX_FILTER_MS = 100;

test("100,000 files: no task of the page takes over 100 ms, no filter longer than a key", async (t) => {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) {
    const round = await measureLargePage();
    rounds.push(round);
    assert.deepEqual(round.messages, []);
    assert.equal(round.filters["731"].said, "302 of 102,504 entries");
    assert.equal(round.filters["**/package_1*/*7.py"].said, "4,444 of 102,504 entries");
    const slowest = Math.max(...Object.values(round.filters).map((it) => it.ms));
    if (round.longest <= MAX_TASK_MS && slowest <= MAX_FILTER_MS) break;
  }
  const longest = Math.min(...rounds.map((it) => it.longest));
  const filters = Object.keys(rounds[0].filters).map((key) =>
    Math.min(...rounds.map((it) => it.filters[key].ms)),
  );
  t.diagnostic(
    `measured: 100,000 files: longest task ${longest.toFixed(0)} ms, slowest filter ${Math.max(...filters).toFixed(0)} ms`,
  );
  assert.ok(longest <= MAX_TASK_MS, JSON.stringify(rounds.map((it) => it.long)));
  assert.ok(Math.max(...filters) <= MAX_FILTER_MS, JSON.stringify(rounds.map((it) => it.filters)));
});
