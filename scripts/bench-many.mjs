// `npm run bench many`: fifty who open one large image and read a file of it, at once, beside one; and a first read with a
// cache beside one without. Of an image of this machine's files, behind 50 ms of round trip.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { open } from "ocipeek";
import { DirectoryCache } from "ocipeek/node";
import { writeMachineImage } from "../tests/lib/machine-image.mjs";
import { tempFolder } from "../tests/lib/processes.mjs";
import { median, table, takeTurns } from "./lib/bench-report.mjs";
import { serveSlowly } from "./lib/slow-registry.mjs";

const ROUND_TRIP_MS = 50;
const MANY = 50;

/** The longest that nothing else could run while `work` was done. */
async function withBlocks(work) {
  let [last, longest] = [performance.now(), 0];
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  };
  const timer = setInterval(look, 1);
  try {
    await work();
  } finally {
    look();
    clearInterval(timer);
  }
  return longest;
}

/**
 * What was measured; ratios of medians.
 * @param {{ rounds?: number, entries?: number, megabytes?: number }} [options]
 */
export async function benchMany({ rounds = 9, entries, megabytes } = {}) {
  const folder = tempFolder("bench-many");
  const image = await writeMachineImage(folder.path, { entries, megabytes });
  const registry = await serveSlowly({ dir: image.dir, repository: "many", ms: ROUND_TRIP_MS });
  const reference = `${registry.host}/many:indexed`;
  let caches = 0;
  const cacheOf = () => new DirectoryCache(join(folder.path, `cache-${++caches}`));
  const pass = (count, hasCache) => async () => {
    const cache = hasCache ? cacheOf() : undefined;
    const images = [];
    await registry.taken();
    const start = performance.now();
    let ms = 0;
    const one = async () => {
      const opened = await open(reference, { platform: "linux/amd64", ...(cache ? { cache } : {}) });
      images.push(opened);
      if (!image.content.equals(await opened.readFile(image.path))) throw new Error("other bytes");
    };
    const block = await withBlocks(async () => {
      await Promise.all(Array.from({ length: count }, one));
      ms = performance.now() - start;
      // What is written meanwhile must block nobody either.
      await Promise.all(images.map((it) => it.close()));
    });
    if (cache) rmSync(join(folder.path, `cache-${caches}`), { recursive: true, force: true });
    return { ms, block, ...(await registry.taken()) };
  };
  try {
    const passes = await takeTurns(
      { one: pass(1, false), many: pass(MANY, false), cached: pass(1, true), manyCached: pass(MANY, true) },
      rounds,
    );
    const rows = [...passes].map(([name, all]) => {
      const of = (field) => median(all.map((it) => it[field]));
      return { name, ms: of("ms"), block: of("block"), requests: of("requests"), bytes: of("bytes") };
    });
    return { about: { entries: image.entries, bytes: image.bytes }, rows };
  } finally {
    await registry.close();
    folder.remove();
  }
}

/** Prints what {@link benchMany} gives. */
export function manyTable({ about, rows }) {
  const [one] = rows;
  const names = {
    one: "one reader",
    many: `${MANY} at once`,
    cached: "one, cold cache",
    manyCached: `${MANY}, cold cache`,
  };
  console.log(
    `An image of ${about.entries} files, ${(about.bytes / 1e6).toFixed(0)} MB; ${ROUND_TRIP_MS} ms of round trip.`,
  );
  table(
    rows.map((row) => [
      names[row.name],
      row.requests,
      (row.bytes / 1e6).toFixed(2),
      (row.bytes / one.bytes).toFixed(2),
      row.ms.toFixed(0),
      (row.ms / one.ms).toFixed(2),
      row.block.toFixed(0),
    ]),
    ["", "requests", "MB", "of one's", "ms", "of one's", "longest block, ms"],
  );
}
