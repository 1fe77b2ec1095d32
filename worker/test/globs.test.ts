// One dialect of globs (docs/globs.md): the table of cases by ?recursive&glob=.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkMatches, refused, writeGlobImage } from "../../tests/lib/globs.mjs";
import { tempFolder } from "../../tests/lib/processes.mjs";
import { start } from "../../tests/lib/worker/harness.ts";

test("globs of listings", async () => {
  const folder = tempFolder("globs");
  writeGlobImage(folder.path);
  const h = await start({}, {}, { dir: folder.path, repository: "globs" });
  const get = (pattern: string): Promise<Response> =>
    h.get(`${h.image}:globs/-/?recursive&glob=${encodeURIComponent(pattern)}`);
  try {
    await checkMatches(async (pattern: string) => {
      const response = await get(pattern);
      assert.equal(response.status, 200, pattern);
      const lines = (await response.text()).trimEnd().split("\n");
      return lines.filter((line) => line !== "").map((line) => JSON.parse(line).path);
    });
    for (const pattern of refused) {
      const response = await get(pattern);
      assert.equal(response.status, 400, JSON.stringify(pattern));
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, "INVALID_ARGUMENT");
    }
  } finally {
    await h.close();
    folder.remove();
  }
});
