// The .wasm stays within its budget.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { wasmFile } from "../lib/package.mjs";

/** Brotli bytes, quality 11. Raise it only with a reason in the change that does so. */
const BUDGET = 150 * 1024;

test("the .wasm fits its budget", () => {
  const raw = readFileSync(wasmFile());
  const gzip = gzipSync(raw, { level: 9 }).length;
  const brotli = brotliCompressSync(raw, {
    params: { [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
  }).length;
  console.log(`size: ${raw.length} bytes raw, ${gzip} gzip, ${brotli} brotli (budget ${BUDGET})`);
  assert.ok(brotli <= BUDGET, `${brotli} bytes, ${brotli - BUDGET} over the budget`);
});
