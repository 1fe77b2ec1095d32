// `npm run bench worker`: warm small files and ranges of a large one, from the worker in workerd and from `serve` in Node, each
// beside a server of the same runtime that answers constants of the same size, and from nginx with the same files on disk;
// in turn, by wrk. Then the same with callers that leave and callers that read nothing.
//   npm run bench worker -- --seconds 60 --json FILE
import { measureCrowd } from "../tests/lib/crowd.mjs";
import { measureLoad } from "../tests/lib/load.mjs";
import { RUNTIMES, startServe } from "../tests/lib/serve.mjs";
import { startBundle } from "../tests/lib/worker.mjs";
import { machine, save } from "./lib/bench-report.mjs";
import { run } from "./lib/run.mjs";
import { TEST_PROGRAMS } from "./lib/tools.mjs";
import { setup } from "./setup.mjs";

const CONNECTIONS = 32;
/** What each could do at most: its runtime, answering constants. */
const CEILINGS = { worker: "constant worker", serve: "bare node:http" };

/** Runs it and prints a table. */
export async function benchWorker({ seconds = 60, json = undefined } = {}) {
  await setup({ programs: TEST_PROGRAMS });
  await run("node", ["scripts/build.mjs"]);
  const rows = await measureLoad({ connections: CONNECTIONS, seconds, disturbed: true });
  const { text, ...about } = machine();
  console.log(
    `${text}\n${CONNECTIONS} connections for ${seconds} s each; one process each; all on one machine\n`,
  );
  const columns =
    "requests/s | of its ceiling | p50 ms | p99 ms | CPU µs/request | errors | peak memory MiB | asked of the registry";
  console.log(`| load | server | ${columns} |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|`);
  for (const r of rows) {
    const peer = rows.find(({ load, server }) => load === r.load && server === CEILINGS[r.server]);
    const ratio = peer ? `${((100 * r.perSecond) / peer.perSecond).toFixed(0)} %` : "";
    const ms = (micros) => (micros / 1000).toFixed(1);
    const times = [r.perSecond.toFixed(0), ratio, ms(r.p50), ms(r.p99), r.cpuMicros.toFixed(0)];
    const counts = [r.errors + r.status + r.timeouts, (r.peak / 2 ** 20).toFixed(0), r.asked];
    console.log(`| ${[r.load, r.server, ...times, ...counts].join(" | ")} |`);
  }
  const crowds = await measureCrowd({
    workerd: (env) => startBundle(env, { keepOutput: false }),
    "serve in Node": (env) => startServe(RUNTIMES.node, [], env, { keepLog: false }),
  });
  console.log(
    "\n| cold images | slowest alone, ms | slowest beside 64 that read nothing, ms | ratio |\n|---|---:|---:|---:|",
  );
  for (const { server, slowest } of crowds) {
    const { idle, beside } = slowest;
    console.log(`| ${server} | ${idle.toFixed(0)} | ${beside.toFixed(0)} | ${(beside / idle).toFixed(2)} |`);
  }
  save(json, { machine: about, connections: CONNECTIONS, seconds, rows, crowds });
}
