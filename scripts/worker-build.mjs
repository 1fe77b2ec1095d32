// `npm run worker:build`: what `wrangler deploy` would upload, in worker/dist; says its size.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT, run } from "./lib/run.mjs";
import { useTools } from "./lib/tools.mjs";

export const WORKER_CONFIG = join(ROOT, "worker", "wrangler.jsonc");
/**
 * Bytes that the worker may have, with gzip. The platform takes 3 MB on its free plan; start-up wants less. 470,000 of it are
 * the module for other lazy formats.
 */
const BUDGET = 1_200_000;
const OUT = join(ROOT, "worker", "dist");

/**
 * Bundles the worker; the package must be built.
 * @returns {Promise<{ main: string, modules: string[], raw: number, gzip: number }>} the script, the wasm modules that it
 * imports (those for reading, for reading other formats, and for building indexes), and the size of all together
 */
export async function buildWorker(out = OUT) {
  useTools();
  rmSync(out, { recursive: true, force: true });
  await run("wrangler", ["deploy", "--dry-run", "--config", WORKER_CONFIG, "--outdir", out]);
  const files = readdirSync(out).filter((name) => /\.(js|wasm)$/.test(name));
  const parts = files.map((name) => readFileSync(join(out, name)));
  const modules = files.filter((name) => name.endsWith(".wasm"));
  if (modules.length !== 3 || files.length !== 4)
    throw new Error(`expected one .js and three .wasm, found ${files.join(", ")}`);
  return {
    main: join(out, "index.js"),
    modules: modules.map((name) => join(out, name)),
    raw: parts.reduce((sum, part) => sum + part.length, 0),
    gzip: parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0),
  };
}

if (process.argv[1] === import.meta.filename) {
  try {
    const { raw, gzip } = await buildWorker();
    const kb = (n) => `${(n / 1000).toFixed(1)} kB`;
    console.log(`size: worker ${kb(raw)} raw, ${kb(gzip)} gzip, in worker/dist (budget ${kb(BUDGET)})`);
    if (gzip > BUDGET) throw new Error(`the worker is ${gzip - BUDGET} bytes over its budget`);
  } catch (error) {
    console.error(error.output ? `${error.message}\n${error.output}` : error.message);
    process.exitCode = 1;
  }
}
