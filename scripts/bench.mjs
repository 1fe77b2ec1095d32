// `npm run bench`: span inflate in every engine, cold and warm reads, the cost of a huge zTOC.
// Contenders take turns within each round, so that what else the machine does falls on all alike.
//   npm run bench -- --rounds 9 --json FILE
//   npm run bench build -- --rounds 5 --megabytes 1000 --json FILE    building indexes, beside C zlib's zran
//   npm run bench worker -- --seconds 60 --json FILE    the worker under load, beside nginx
//   npm run bench formats -- --rounds 9 --json FILE     listing and one read of each lazy format
//   npm run bench many -- --rounds 9 --json FILE        fifty readers at once, and reads with a cache
//   npm run bench page -- --rounds 5 --json FILE        the page with 100,000 files

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, inflateRawSync } from "node:zlib";
import { inflateSync as fflateInflate } from "fflate";
import { inflateRaw as pakoInflate } from "pako";
import { openBrowser, serveStatic } from "../tests/lib/chromium.mjs";
import { DEMO, REPOSITORY } from "../tests/lib/docker-registry.mjs";
import { tempFolder } from "../tests/lib/processes.mjs";
import { gzipWithSpans, hugeZtoc } from "../tests/lib/synthetic-image.mjs";
import { IMAGE, layout } from "../tests/lib/variants.mjs";
import { benchBuild } from "./bench-build.mjs";
import { benchFormats, formatsTable } from "./bench-formats.mjs";
import { benchMany, manyTable } from "./bench-many.mjs";
import { benchPage } from "./bench-page.mjs";
import { benchWhole, WHOLE_COLUMNS, wholeCells } from "./bench-whole.mjs";
import { benchWorker } from "./bench-worker.mjs";
import { contender, machine, median, save, table, takeTurns } from "./lib/bench-report.mjs";
import { serveLayout } from "./lib/layout-registry.mjs";
import { ROOT, run } from "./lib/run.mjs";
import { TEST_PROGRAMS } from "./lib/tools.mjs";
import { setup } from "./setup.mjs";

const MIB = 1 << 20;
const SPAN = MIB;
const WINDOW = 32_768;
const ENTRIES = 1_000_000;
const EMPTY_LAST_BLOCK = Buffer.from([1, 0, 0, 0xff, 0xff]);
const TARGET = "wasm32-unknown-unknown";

/** The spans to inflate: the demo image's base layer, cut so that every engine can start at each (on whole bytes). */
async function makeSpans() {
  const blob = layout.manifests.get(IMAGE).json.layers[0].digest.slice("sha256:".length);
  const tar = gunzipSync(readFileSync(join(DEMO, "blobs", "sha256", blob)));
  const { layer, checkpoints } = await gzipWithSpans(tar, SPAN);
  const spans = checkpoints.map((c, i) => {
    const next = checkpoints[i + 1];
    return {
      window: tar.subarray(Math.max(0, c.out - WINDOW), c.out),
      compressed: layer.subarray(c.in, next?.in),
      // The other engines want a stream that ends: an empty last block, and no gzip trailer.
      deflate: next
        ? Buffer.concat([layer.subarray(c.in, next.in), EMPTY_LAST_BLOCK])
        : layer.subarray(c.in, layer.length - 8),
      outLen: (next?.out ?? tar.length) - c.out,
      last: next === undefined,
    };
  });
  return { spans, total: tar.length };
}

/** Builds bench/ natively and as wasm. */
async function buildBench() {
  const crate = join(ROOT, "bench");
  const cargo = ["build", "--quiet", "--manifest-path", join(crate, "Cargo.toml")];
  await run("cargo", [...cargo, "--profile", "native", "--bins"]);
  await run("cargo", [...cargo, "--release", "--lib", "--target", TARGET]);
  const out = join(crate, "target", "wasm");
  const wasm = join(crate, "target", TARGET, "release", "ocipeek_bench.wasm");
  await run("wasm-bindgen", ["--target", "web", "--out-dir", out, wasm]);
  const file = join(out, "ocipeek_bench_bg.wasm");
  await run("wasm-opt", ["-Oz", file, "-o", file]);
  return { program: join(crate, "target", "native", "ocipeek-bench"), out, file };
}

/** A native process that runs a round for each line it is sent. */
function native(program, folder, spans) {
  const parts = [];
  let at = 0;
  const place = (bytes) => {
    parts.push(bytes);
    at += bytes.length;
    return { start: at - bytes.length, end: at };
  };
  const job = spans.map(({ window, compressed, outLen, last }) => {
    return { window: place(window), compressed: place(compressed), outLen, last };
  });
  writeFileSync(join(folder, "spans.bin"), Buffer.concat(parts));
  writeFileSync(join(folder, "spans.json"), JSON.stringify(job));
  const { pass, stop } = contender(program, ["inflate", folder]);
  const round = async () => {
    const [ms, made] = (await pass()).split(" ").map(Number);
    return { ms, made };
  };
  return { round, stop };
}

const timed = (work) => () => {
  const start = performance.now();
  const made = work();
  return { ms: performance.now() - start, made };
};

const sum = (spans, f) => spans.reduce((total, s) => total + f(s), 0);

async function chromiumRound(bench, spans) {
  const parts = spans.flatMap((s) => [s.window, s.compressed]);
  const lengths = spans.map((s) => [s.window.length, s.compressed.length, s.outLen, s.last]);
  const site = await serveStatic({
    "/": Buffer.from("<!doctype html><title>bench</title>"),
    "/wasm/": bench.out,
    "/spans.bin": Buffer.concat(parts),
  });
  const browser = await openBrowser();
  await browser.page.goto(site.url);
  await browser.page.evaluate(async (lengths) => {
    // @ts-expect-error: served by the page's own server
    const { default: init, inflate } = await import("/wasm/ocipeek_bench.js");
    await init();
    const data = new Uint8Array(await (await fetch("/spans.bin")).arrayBuffer());
    let at = 0;
    const take = (n) => {
      at += n;
      return data.slice(at - n, at);
    };
    const spans = lengths.map(([w, c, outLen, last]) => [take(w), take(c), outLen, last]);
    const round = () => {
      const start = performance.now();
      const made = spans.reduce((sum, span) => sum + inflate(...span).length, 0);
      return { ms: performance.now() - start, made };
    };
    Object.assign(globalThis, { round });
  }, lengths);
  return {
    round: () => browser.page.evaluate("round()"),
    stop: async () => {
      await browser.close();
      await site.close();
    },
  };
}

/** The times of each contender, the shortest first. */
async function timesOf(contenders, rounds, check) {
  const passes = [...(await takeTurns(contenders, rounds))];
  for (const [name, list] of passes) for (const { made } of list) check(name, made);
  return passes.map(([name, list]) => ({ name, list: list.map(({ ms }) => ms).sort((a, b) => a - b) }));
}

async function benchInflate(bench, rounds, folder) {
  const { spans, total } = await makeSpans();
  const { initSync, inflate } = await import(join(bench.out, "ocipeek_bench.js"));
  initSync({ module: readFileSync(bench.file) });
  const process = native(bench.program, folder, spans);
  const browser = await chromiumRound(bench, spans);
  const contenders = {
    "ocipeek, native": process.round,
    "ocipeek, wasm in Node": timed(() =>
      sum(spans, (s) => inflate(s.window, s.compressed, s.outLen, s.last).length),
    ),
    "ocipeek, wasm in Chromium": browser.round,
    "node:zlib with dictionary": timed(() =>
      sum(spans, (s) => inflateRawSync(s.deflate, dictionary(s)).length),
    ),
    fflate: timed(() =>
      sum(spans, (s) => fflateInflate(s.deflate, { ...dictionary(s), out: new Uint8Array(s.outLen) }).length),
    ),
    pako: timed(() => sum(spans, (s) => pakoInflate(s.deflate, dictionary(s)).length)),
  };
  try {
    const times = await timesOf(contenders, rounds, (name, made) => {
      if (made !== total) throw new Error(`${name} made ${made} of ${total} bytes`);
    });
    return times.map(({ name, list }) => ({
      name,
      ms: median(list),
      mbPerSecond: total / 1e3 / median(list),
      best: total / 1e3 / list[0],
    }));
  } finally {
    process.stop();
    await browser.stop();
  }
}

const dictionary = ({ window }) => (window.length > 0 ? { dictionary: window } : {});

async function benchReads(rounds) {
  const { open } = await import("ocipeek");
  const registry = await serveLayout({ dir: DEMO, repository: REPOSITORY });
  const reference = `${registry.host}/${REPOSITORY}:latest-soci`;
  const options = { platform: "linux/amd64" };
  const path = "/etc/services";
  const warm = await open(reference, options);
  await warm.readFile(path);
  let cost = { requests: 0, bytes: 0 };
  const contenders = {
    "open and cat, cold": async () => {
      const start = performance.now();
      const image = await open(reference, options);
      const made = (await image.readFile(path)).length;
      const ms = performance.now() - start;
      cost = image.stats;
      await image.close?.();
      return { ms, made };
    },
    "cat again, span cached": async () => {
      const start = performance.now();
      const made = (await warm.readFile(path)).length;
      return { ms: performance.now() - start, made };
    },
  };
  try {
    const times = await timesOf(contenders, rounds * 3, (name, made) => {
      if (made !== 6800) throw new Error(`${name} read ${made} bytes`);
    });
    const { requests, bytes, imageBytes } = cost;
    return {
      rows: times.map(({ name, list }) => ({ name, ms: median(list) })),
      cost: { requests, bytes, imageBytes },
    };
  } finally {
    await registry.close();
  }
}

/** Opens a zTOC of a million entries, natively and as wasm. */
async function benchZtoc(bench, folder) {
  const bytes = hugeZtoc(ENTRIES);
  const file = join(folder, "huge.ztoc");
  writeFileSync(file, bytes);
  const natively = JSON.parse((await run(bench.program, ["ztoc", file])).stdout);
  const { initSync, open_ztoc } = await import(`${join(bench.out, "ocipeek_bench.js")}?ztoc`);
  const { memory } = initSync({ module: readFileSync(bench.file) });
  const start = performance.now();
  const entries = open_ztoc(bytes);
  const wasm = { ms: performance.now() - start, memory: memory.buffer.byteLength };
  if (entries !== ENTRIES || natively.entries !== ENTRIES) throw new Error("entries are missing");
  return { native: natively, wasm };
}

const option = (name, fallback = undefined) => {
  const i = process.argv.indexOf(name);
  return i < 0 ? fallback : process.argv[i + 1];
};
const number = (name, fallback) => Number(option(name, fallback));
const json = option("--json");

/** The benches that are asked for by their names. */
const BENCHES = {
  worker: () => benchWorker({ seconds: number("--seconds", 60), json }),
  page: () => benchPage({ rounds: number("--rounds", 5), json }),
  build: () => benchBuild({ rounds: number("--rounds", 5), megabytes: number("--megabytes", 1000), json }),
  many: async () => {
    const [entries, megabytes] = [number("--entries", 40_000), number("--megabytes", 500)];
    const result = await benchMany({ rounds: number("--rounds", 9), entries, megabytes });
    save(json, result);
    manyTable(result);
  },
  formats: async () => {
    const rows = await benchFormats({ rounds: number("--rounds", 9) });
    save(json, rows);
    console.log(formatsTable(rows));
  },
};

async function main() {
  const other = BENCHES[process.argv[2]];
  if (other) return other();
  await setup({ programs: TEST_PROGRAMS });
  await run("node", ["scripts/build.mjs"]);
  const rounds = number("--rounds", 9);
  const folder = tempFolder("bench");
  const about = machine();
  console.log(`${about.text}; ${rounds} rounds, medians\n`);

  const bench = await buildBench();
  const inflate = await benchInflate(bench, rounds, folder.path);
  const zlib = inflate.find((r) => r.name.startsWith("node:zlib"))?.ms ?? 0;
  table(
    inflate.map((r) => [r.name, r.mbPerSecond.toFixed(0), r.best.toFixed(0), (zlib / r.ms).toFixed(2)]),
    ["inflate 1 MiB spans", "MB/s", "best", "of zlib's speed"],
  );
  console.log();
  const whole = await benchWhole(bench.program, rounds);
  table(wholeCells(whole), WHOLE_COLUMNS);
  console.log();
  const reads = await benchReads(rounds);
  table(
    reads.rows.map((r) => [r.name, r.ms.toFixed(2)]),
    ["read on loopback", "ms"],
  );
  const { requests, bytes, imageBytes } = reads.cost;
  console.log(`cold: ${requests} requests, ${bytes} bytes of an image of ${imageBytes}\n`);

  const ztoc = await benchZtoc(bench, folder.path);
  const mb = (n) => (n / 1e6).toFixed(1);
  table(
    [
      ["native", ztoc.native.ms.toFixed(0), mb(ztoc.native.peak)],
      ["wasm in Node", ztoc.wasm.ms.toFixed(0), mb(ztoc.wasm.memory)],
    ],
    [`open a zTOC of ${ENTRIES} entries`, "ms", "peak MB"],
  );
  const { tableBytes, indexBytes } = ztoc.native;
  const kept = `entries ${mb(tableBytes)} MB, with paths ${mb(indexBytes)} MB`;
  console.log(`zTOC ${mb(ztoc.native.bytes)} MB with ${ztoc.native.spans} windows; kept: ${kept}\n`);
  save(json, { machine: about, rounds, inflate, whole, reads, ztoc });
  folder.remove();
}

try {
  await main();
} catch (error) {
  console.error(error.output ? `${error.output}\n${error.message}` : error.stack);
  process.exitCode = 1;
}
