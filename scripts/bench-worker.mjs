// `npm run bench worker`: warm small files and ranges of a large one, from the worker in workerd and from nginx with
// the same files on disk, in turn, by wrk.
//   npm run bench worker -- --seconds 60 --json FILE
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { measureLoad } from "../tests/lib/load.mjs";
import { run } from "./lib/run.mjs";
import { TEST_PROGRAMS } from "./lib/tools.mjs";
import { setup } from "./setup.mjs";

const CONNECTIONS = 32;

/** Runs it and prints a table. */
export async function benchWorker({ seconds = 60, json = undefined } = {}) {
  await setup({ programs: TEST_PROGRAMS });
  await run("node", ["scripts/build.mjs"]);
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    date: new Date().toISOString().slice(0, 10),
  };
  const rows = await measureLoad({ connections: CONNECTIONS, seconds });
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.date}`);
  console.log(
    `${CONNECTIONS} connections for ${seconds} s each; one process each; load and servers on one machine\n`,
  );
  console.log(
    "| load | server | requests/s | MB/s | p50 ms | p99 ms | errors | peak memory MiB | asked of the registry |",
  );
  console.log("|---|---|---:|---:|---:|---:|---:|---:|---:|");
  for (const r of rows) {
    const mbs = r.bytes / (r.micros / 1e6) / 1e6;
    const ms = (micros) => (micros / 1000).toFixed(1);
    const numbers = [
      r.perSecond.toFixed(0),
      mbs.toFixed(1),
      ms(r.p50),
      ms(r.p99),
      r.errors + r.status + r.timeouts,
      (r.peak / 2 ** 20).toFixed(0),
      r.asked,
    ];
    console.log(`| ${r.load} | ${r.server} | ${numbers.join(" | ")} |`);
  }
  if (json)
    writeFileSync(json, `${JSON.stringify({ machine, connections: CONNECTIONS, seconds, rows }, null, 2)}\n`);
}
