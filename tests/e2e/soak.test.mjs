// A short soak, by the command itself: it says what is wrong by its exit code.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";

test("20 seconds of everything at once", async () => {
  const { output } = await run(process.execPath, [join(ROOT, "scripts", "soak.mjs"), "--seconds", "20"], {
    timeout: 240,
  });
  for (const line of output.split("\n").filter((text) => /good requests/.test(text)))
    console.log(`measured: ${line}`);
  assert.match(output, /^serve: \d+ good requests \(\d+ sent twice\), 0 answered wrong/m);
  assert.match(output, /^workerd: \d+ good requests \(\d+ sent twice\), 0 answered wrong/m);
});
