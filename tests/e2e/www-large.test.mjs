// The page with 100,000 files: the main thread is never blocked for long, and filters answer within a key's time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureLargePage } from "../lib/large-page.mjs";

/** The machine does other things, too: what is long by itself is long each time. */
const ROUNDS = 3;
const MAX_MS = 100;
/** On a slow machine, as many times what a plain search of the same paths takes there. */
const TASK_PER_PLAIN = 20;
const FILTER_PER_PLAIN = 30;

test("100,000 files: no task of the page takes over 100 ms, no filter longer than a key", async (t) => {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) {
    const round = await measureLargePage();
    rounds.push(round);
    assert.deepEqual(round.messages, []);
    assert.equal(round.filters["731"].said, "302 of 102,504 entries");
    assert.equal(round.filters["**/package_1*/*7.py"].said, "4,444 of 102,504 entries");
    const slowest = Math.max(...Object.values(round.filters).map((it) => it.ms));
    if (round.longest <= MAX_MS && slowest <= MAX_MS) break;
  }
  const plain = Math.max(...rounds.map((it) => it.plain));
  const longest = Math.min(...rounds.map((it) => it.longest));
  const filters = Object.keys(rounds[0].filters).map((key) =>
    Math.min(...rounds.map((it) => it.filters[key].ms)),
  );
  const slowest = Math.max(...filters);
  t.diagnostic(
    `measured: 100,000 files: longest task ${longest.toFixed(0)} ms, slowest filter ${slowest.toFixed(0)} ms, a plain search ${plain.toFixed(0)} ms`,
  );
  const rest = JSON.stringify(rounds.map(({ long, filters }) => ({ long, filters })));
  assert.ok(longest <= Math.max(MAX_MS, TASK_PER_PLAIN * plain), rest);
  assert.ok(slowest <= Math.max(MAX_MS, FILTER_PER_PLAIN * plain), rest);
});
