// One dialect of globs (docs/globs.md): the table of cases by the page's filter, in which case does not matter.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { open } from "ocipeek";
import { FilterIndex } from "../../www/src/engine/filter/filter.ts";
import { decodePath, pathOf } from "../../www/src/protocol/path.ts";
import { checkMatches, matches, refused, writeGlobImage } from "../lib/globs.mjs";
import { walked } from "../lib/page/catalogue-of.ts";
import { tempFolder } from "../lib/processes.mjs";

const folder = tempFolder("globs");
after(() => folder.remove());
const { signal } = new AbortController();

test("globs in the filter", async () => {
  writeGlobImage(folder.path);
  const image = await open(`oci:${folder.path}:globs`);
  const catalogue = await walked(image);
  await image.close();
  const index = new FilterIndex(catalogue);
  const find = async (pattern: string): Promise<string[]> =>
    [...(await index.find(pattern, signal))].map((entry) =>
      new TextDecoder().decode(decodePath(pathOf(catalogue, entry))).slice(1),
    );
  // Other queries are texts; what capital letters mean is not asked.
  const isGlob = (text: string): boolean => /[*?[{]/.test(text);
  const cases = matches.filter(
    (it) => isGlob(it[0]) && it[0] === it[0].toLowerCase() && !it[0].includes("upper"),
  );
  await checkMatches(find, cases);
  assert.deepEqual(await find("[A]"), await find("[a]"));
  for (const text of refused.filter((it) => it !== "" && isGlob(it))) {
    // Not refused: it is being typed, and a text as yet.
    const found = await find(text);
    assert.ok(
      found.every((path) => `/${path}`.includes(text)),
      text,
    );
  }
});
