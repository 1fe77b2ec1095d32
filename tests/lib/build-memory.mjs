// Builds the zTOC of a layer in a process of its own and prints how much that grew it.
//   node --expose-gc build-memory.mjs FILE SPAN_SIZE
import { buildZtoc } from "ocipeek/build";
import { fileBytes } from "ocipeek/node";
import { initSync } from "../../dist/wasm/ocipeek_build.js";

const [file, spanSize] = process.argv.slice(2);
/** Chunks from one look at the memory to the next. */
const STEP = 64;

globalThis.gc?.();
const before = process.memoryUsage().rss;
let live = 0;
let chunks = 0;
async function* looked() {
  for await (const chunk of fileBytes(file)) {
    if (chunks++ % STEP === 0) {
      globalThis.gc?.();
      live = Math.max(live, process.memoryUsage().rss - before);
    }
    yield chunk;
  }
}
// It is instantiated by then: this only gives its exports.
const exportsOfModule = /** @type {() => any} */ (initSync);
const start = performance.now();
const built = await buildZtoc(looked(), { spanSize: Number(spanSize), diffId: true });
const report = {
  ms: performance.now() - start,
  before,
  live,
  peak: process.resourceUsage().maxRSS * 1024,
  wasm: exportsOfModule().memory.buffer.byteLength,
  ztoc: built.blob.digest,
  ztocSize: built.blob.size,
  layerDigest: built.layerDigest,
  diffId: built.diffId,
  tarSize: built.tarSize,
  entries: built.entries,
  spans: built.spans,
};
await built.close();
console.log(JSON.stringify(report));
