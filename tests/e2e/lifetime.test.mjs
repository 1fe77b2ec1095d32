// Images that nobody closes, in every runtime, by the command itself: a short form of `npm run lifetime`.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";

const RUNTIMES = ["node", "bun", "deno", "chromium"];

for (const flags of [[], ["--apart"]]) {
  test(`150 images that nobody closes ${flags.join("")}`, async () => {
    const args = [join(ROOT, "scripts", "lifetime.mjs"), "--opens", "150", "--large", "0", ...flags];
    const { output } = await run(process.execPath, args, { timeout: 240 });
    for (const name of RUNTIMES)
      assert.match(
        output,
        new RegExp(`^${name}: 150 of the demo image right in \\d+ s, at most \\d+ MiB \\(`, "m"),
      );
  });
}
