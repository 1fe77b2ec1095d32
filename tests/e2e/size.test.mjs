// The .wasm modules stay within their budgets.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { wasmFile } from "../lib/package.mjs";

/**
 * Brotli bytes, quality 11: what is reached, and 1 to 2 % of room. Raise them only with a reason in the change that does
 * so; lower them when something is saved.
 */
const BUDGETS = {
  /**
   * One module for every runtime: the registry client with its faults, layouts and tars, four ways to read a layer, zstd,
   * and packed zTOCs for caches (34,000: a compressor, both directions of the format, look-ups in layers that are known
   * in parts); sources as they are, for building indexes (2,700); layers that are indexed when they are opened (7,000).
   * Who vouches for an index and what is attached, one budget of memory, look-ups and walks that go on where they were,
   * globs in linear time, holes, TLS on loopback and odd archives: 20,000. What layers change, and globs over names that the
   * caller holds, which the page had in JavaScript: 5,000. Images of an instance that share what is known of them: 4,000.
   */
  ocipeek: 282_000,
  /** Loaded by the first image in another lazy format: the base, and their readers; that of streamed zstd layers (9,800); compressed
   * archives (10,000); an inflate engine that is a fifth faster (300, in each module). */
  ocipeek_formats: 381_000,
  /** Loaded by those who build indexes: the builder of zTOCs, their reader and what compares
   * two, manifests and SOCI documents. */
  ocipeek_build: 98_000,
};

for (const [name, budget] of Object.entries(BUDGETS)) {
  test(`${name}_bg.wasm fits its budget`, () => {
    const raw = readFileSync(wasmFile(name));
    const gzip = gzipSync(raw, { level: 9 }).length;
    const brotli = brotliCompressSync(raw, {
      params: { [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
    }).length;
    console.log(`size: ${name} ${raw.length} bytes raw, ${gzip} gzip, ${brotli} brotli (budget ${budget})`);
    assert.ok(brotli <= budget, `${brotli} bytes, ${brotli - budget} over the budget`);
  });

  test(`${name}_bg.wasm calls its glue by names without hashes`, () => {
    const module = new WebAssembly.Module(readFileSync(wasmFile(name)));
    const names = [...WebAssembly.Module.imports(module), ...WebAssembly.Module.exports(module)];
    assert.deepEqual(
      names.filter((it) => /[0-9a-f]{16}$/.test(it.name)),
      [],
    );
  });
}
