// `npm run bench build`: one pass over a layer of 1 GB, native and as wasm, beside C zlib walked as zran walks it.
// Contenders take turns within each round. All read the same file by pieces of 64 KiB.
import { existsSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { DEMO } from "../tests/lib/docker-registry.mjs";
import { contender, machine, median, save, table, takeTurns } from "./lib/bench-report.mjs";
import { ROOT, run } from "./lib/run.mjs";
import { setup } from "./setup.mjs";

const SPANS = [
  ["4 MiB", 4 << 20],
  ["128 KiB", 128 << 10],
];

/** The layer, made once: it is the same each time. */
async function makeLayer(program, megabytes) {
  const file = join(ROOT, "bench", "target", `layer-${megabytes}.tar.gz`);
  if (!existsSync(file)) {
    const blobs = join(DEMO, "blobs", "sha256");
    await run(program, ["make-layer", blobs, `${file}.part`, String(megabytes * 1e6)]);
    renameSync(`${file}.part`, file);
  }
  return file;
}

/** A process that says what each pass took, as JSON. */
function passesOf(file, args) {
  const { pass, stop } = contender(file, args);
  let before = 0;
  const measured = async () => {
    const round = JSON.parse(await pass());
    const cpuMs = round.cpuMs - before;
    before = round.cpuMs;
    return { ...round, cpuMs };
  };
  return { measured, stop };
}

async function benchSpanSize(program, layer, spanSize, rounds) {
  const native = (what) => passesOf(program, ["build", what, layer, String(spanSize)]);
  const script = join(ROOT, "scripts", "lib", "bench-build-pass.mjs");
  const wasm = (diffId) => passesOf(process.execPath, [script, layer, String(spanSize), diffId ? "1" : "0"]);
  const contenders = {
    "C zlib, zran: checkpoints only": native("zran"),
    "C zlib, zran and the same digests": native("zran+digests"),
    "ocipeek, native": native("ours"),
    "ocipeek, native, with the diff id": native("ours+diff-id"),
    "ocipeek, wasm in Node": wasm(false),
    "ocipeek, wasm in Node, with the diff id": wasm(true),
  };
  const peaks = new Map();
  const turns = Object.fromEntries(
    Object.entries(contenders).map(([name, { measured }]) => [name, measured]),
  );
  let passes = new Map();
  try {
    // What a process takes at most is told of its first pass.
    passes = await takeTurns(turns, rounds, (name, { peak }) => peaks.set(name, peak));
  } finally {
    for (const { stop } of Object.values(contenders)) stop();
  }
  const all = [...passes.values()].flat();
  for (const key of ["tar", "spans", "diffId"]) {
    const seen = new Set(all.map((p) => p[key]).filter((v) => v !== null && v !== undefined));
    if (seen.size !== 1) throw new Error(`they do not agree on ${key}: ${[...seen]}`);
  }
  return [...passes].map(([name, list]) => {
    const [{ tar, wasm, ztoc, spans }] = list;
    const [ms, cpuMs] = [median(list.map((p) => p.ms)), median(list.map((p) => p.cpuMs))];
    const best = tar / 1e3 / Math.min(...list.map((p) => p.ms));
    return { name, ms, cpuMs, mbPerSecond: tar / 1e3 / ms, best, peak: peaks.get(name), wasm, ztoc, spans };
  });
}

/** @param {{ rounds: number, megabytes: number, json?: string }} options */
export async function benchBuild({ rounds, megabytes, json }) {
  await setup();
  await run("node", ["scripts/build.mjs"]);
  await run("cargo", ["build", "--release", "--quiet", "--bins", "--manifest-path", "bench/Cargo.toml"]);
  const program = join(ROOT, "bench", "target", "release", "ocipeek-bench");
  const layer = await makeLayer(program, megabytes);
  const zlib = (await run(program, ["zlib-version"])).stdout.trim();
  const about = machine();
  const size = `${megabytes} MB, ${statSync(layer).size} bytes as gzip`;
  console.log(`${about.text}; ${rounds} rounds, medians\nA layer of ${size}; zlib ${zlib}\n`);
  const results = {};
  for (const [name, spanSize] of SPANS) {
    const rows = await benchSpanSize(program, layer, spanSize, rounds);
    const zran = rows[0];
    const mb = (n) => (n === undefined ? "" : (n / 1e6).toFixed(1));
    table(
      rows.map((r) => {
        const speed = [r.mbPerSecond.toFixed(0), r.best.toFixed(0), (zran.ms / r.ms).toFixed(2)];
        const cpu = [(r.cpuMs / 1000).toFixed(2), (zran.cpuMs / r.cpuMs).toFixed(2)];
        return [r.name, ...speed, ...cpu, mb(r.peak), mb(r.wasm)];
      }),
      [`spans of ${name}`, "MB/s", "best", "of zran's speed", "CPU s", "by CPU", "peak MB", "wasm MB"],
    );
    const ztoc = rows.find((r) => r.ztoc !== undefined)?.ztoc;
    console.log(`${zran.spans} spans, a zTOC of ${mb(ztoc)} MB\n`);
    results[name] = rows;
  }
  save(json, { machine: about, rounds, megabytes, zlib, results });
}
