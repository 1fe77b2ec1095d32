// The table of glob cases, and an image that has all their paths: what `find` finds is held against it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { layoutWriter, tarOf } from "./synthetic-image.mjs";

const table = JSON.parse(readFileSync(new URL("../shared/globs.json", import.meta.url), "utf8"));

/** Patterns, with paths that match and paths that do not; folders that a pattern asks for by a slash at its end have one, too. */
export const matches = /** @type {[pattern: string, yes: string[], no: string[]][]} */ (table.matches);
/** What is no pattern. */
export const refused = /** @type {string[]} */ (table.refused);

/** Writes an image `globs` with all paths of the table. */
export function writeGlobImage(dir) {
  const paths = new Set(
    matches.flatMap(([, yes, no]) => [...yes, ...no]).map((path) => path.replace(/\/$/, "")),
  );
  const isFolder = (path) =>
    matches.some(([, yes]) => yes.includes(`${path}/`)) || [...paths].some((it) => it.startsWith(`${path}/`));
  const files = [...paths].filter((path) => !isFolder(path));
  const folders = [...paths].filter(isFolder).map((path) => `${path}/`);
  const writer = layoutWriter(dir);
  const entries = [...folders.sort().map((path) => [path, Buffer.alloc(0), "5"])];
  for (const path of files) entries.push([path, Buffer.alloc(0), "0"]);
  writer.addPlain("globs", gzipSync(tarOf(entries).tar));
  writer.finish();
}

/** Of each case, finds what `find` finds, and compares; `find` gives paths without a slash at either end. */
export async function checkMatches(find, cases = matches) {
  assert.ok(cases.length > 20);
  for (const [pattern, yes, no] of cases) {
    const found = new Set(await find(pattern));
    for (const path of yes) assert.ok(found.has(path.replace(/\/$/, "")), `${pattern} should match ${path}`);
    for (const path of no) assert.ok(!found.has(path), `${pattern} should not match ${path}`);
  }
}
