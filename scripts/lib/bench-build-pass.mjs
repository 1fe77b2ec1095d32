// Builds the zTOC of a layer through the package, once for each line of input; a line of JSON each. For
// `npm run bench build`.
//   node bench-build-pass.mjs FILE SPAN_SIZE DIFF_ID(0|1)
import { createInterface } from "node:readline";
import { buildZtoc } from "ocipeek/build";
import { fileBytes } from "ocipeek/node";
import { initSync } from "../../dist/wasm/ocipeek_build.js";

const [file, spanSize, diffId] = process.argv.slice(2);
// Instantiated by then, so that it only gives its exports.
const exportsOfModule = /** @type {() => any} */ (initSync);
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const built = await buildZtoc(fileBytes(file), {
    spanSize: Number(spanSize),
    diffId: diffId === "1",
  });
  const ms = performance.now() - start;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const round = {
    ms,
    cpuMs: (userCPUTime + systemCPUTime) / 1000,
    tar: built.tarSize,
    spans: built.spans,
    diffId: built.diffId,
    ztoc: built.blob.size,
    peak: maxRSS * 1024,
    wasm: exportsOfModule().memory.buffer.byteLength,
  };
  await built.close();
  console.log(JSON.stringify(round));
}
