// Part of `npm run bench`: whole streams, natively, beside libdeflate and C zlib. Of a tar of this machine's files, in streams of
// 4 MiB; each is inflated by each contender in turn, and of each its best time counts.
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { contender, median } from "./lib/bench-report.mjs";
import { ROOT, run } from "./lib/run.mjs";

const FROM = "/usr";
const BYTES = 120_000_000;

/** The tar, made once. */
async function tarOf(program) {
  const file = join(ROOT, "bench", "target", "usr.tar");
  if (!existsSync(file)) {
    await run(program, ["make-tar", FROM, `${file}.part`, String(BYTES)]);
    renameSync(`${file}.part`, file);
  }
  return file;
}

const sum = (list) => list.reduce((total, n) => total + n, 0);

/**
 * Rows of a table: a contender's best speed, and its share of the others' by the best times and by the medians of rounds.
 * @param {string} program
 * @param {number} rounds
 */
export async function benchWhole(program, rounds) {
  const { pass, stop } = contender(program, ["whole", await tarOf(program)]);
  const passes = [];
  try {
    // The first one warms up.
    await pass();
    for (let i = 0; i < rounds; i++) passes.push(JSON.parse(await pass()));
  } finally {
    stop();
  }
  const [{ made, ms }] = passes;
  const bestOf = (name) => sum(ms[name].map((_, i) => Math.min(...passes.map((p) => p.ms[name][i]))));
  return Object.keys(ms).map((name) => {
    const against = (other) => ({
      best: bestOf(other) / bestOf(name),
      median: median(passes.map((p) => sum(p.ms[other]) / sum(p.ms[name]))),
    });
    const [libdeflate, zlib] = [against("libdeflate"), against("zlib")];
    return { name, made, best: made / 1e3 / bestOf(name), libdeflate, zlib };
  });
}

/** The rows as cells. */
export const wholeCells = (rows) =>
  rows.map(({ name, best, libdeflate, zlib }) => [
    name,
    best.toFixed(0),
    ...[libdeflate, zlib].flatMap((it) => [it.best.toFixed(2), it.median.toFixed(2)]),
  ]);

export const WHOLE_COLUMNS = [
  "whole streams, native",
  "best MB/s",
  "of libdeflate's",
  "median",
  "of zlib's",
  "median",
];
