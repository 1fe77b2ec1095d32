// Load on loopback by wrk: the built worker in workerd and `serve` in Node, each beside a server of its runtime that answers with
// constants, and nginx with the same files on disk.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { wrk } from "../../scripts/lib/tools.mjs";
import { hang, leave } from "./bad-callers.mjs";
import { startConstantServer, startConstantWorker, startNginx } from "./load-peers.mjs";
import { cpuOf, memoryOf, resetPeak } from "./process-memory.mjs";
import { tempFolder } from "./processes.mjs";
import { RUNTIMES, startServe } from "./serve.mjs";
import { writeSyntheticLayout } from "./synthetic-image.mjs";
import { HEAP, startBundle } from "./worker.mjs";

const KIB = 1 << 10;
const MIB = 1 << 20;
/** Bytes of the large file, and of a span of its layer. */
const LARGE = 64 * MIB;
const SPAN = MIB;
/** Ranges begin in the first bytes of it: what a reader has open around where it is. */
const WINDOW = 6 * MIB;
const RANGE = 64 * KIB;

/** 64 small files of 1 to 16 KiB, and a large one. */
function makeFiles() {
  const text = Buffer.alloc(LARGE, "a line of some text, with a number after it: ");
  for (let at = 0; at + 32 <= LARGE; at += 64) text.write(String(at * 2654435761), at);
  /** @type {[string, Buffer][]} */
  const small = Array.from({ length: 64 }, (_, i) => [
    `etc/f${i}.txt`,
    text.subarray(i * 64 * KIB, i * 64 * KIB + KIB + i * 240),
  ]);
  return { small, large: /** @type {[string, Buffer]} */ (["srv/large.txt", text]) };
}

const LUA = {
  small: (paths) => `local paths = { ${paths.map((p) => JSON.stringify(p)).join(", ")} }
local i = 0
request = function() i = i % #paths + 1; return wrk.format("GET", paths[i]) end
`,
  ranges: (path) => `math.randomseed(7)
request = function()
  local at = math.random(0, ${WINDOW - RANGE})
  return wrk.format("GET", "${path}", { ["Range"] = "bytes=" .. at .. "-" .. (at + ${RANGE - 1}) })
end
`,
};

/** Counts what the script's threads saw, exactly. */
const DONE = `done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p99":%d,"errors":%d,"status":%d,"timeouts":%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write, e.status, e.timeout))
end
`;

async function load(url, script, { connections, seconds }) {
  const program = wrk();
  if (!program) throw new Error("wrk is missing: run `npm run setup -- --tests`");
  const args = [
    "-t",
    "1",
    "-c",
    String(connections),
    "-d",
    `${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    script,
    url,
  ];
  const { stdout } = await run(program, args, { timeout: seconds + 60 });
  const report = JSON.parse(stdout.slice(stdout.lastIndexOf("{")));
  return { ...report, perSecond: report.requests / (report.micros / 1e6) };
}

/** Servers of the same files, warm ones of ours first, each beside what its runtime can do at most. */
async function startServers({ folder, ends, registry, files, names }) {
  const [average, root] = [
    Math.round(files.small.reduce((n, [, it]) => n + it.length, 0) / 64),
    join(folder, "root"),
  ];
  for (const [name, content] of [...files.small, files.large]) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  const env = { OCIPEEK_INSECURE_REGISTRIES: registry.host, OCIPEEK_TAG_TTL: "86400" };
  const start = {
    worker: () => startBundle(env, { keepOutput: false }),
    "constant worker": () => startConstantWorker({ v8Flags: HEAP }),
    serve: () => startServe(RUNTIMES.node, [], env, { keepLog: false }),
    "bare node:http": () => startConstantServer(),
    nginx: () => startNginx(folder, root),
  };
  const ours = `/${registry.host}/load:latest/-/`;
  const paths = {
    ours: { small: files.small.map(([name]) => ours + name), large: ours + files.large[0] },
    constant: { small: [`/${average}`], large: `/${RANGE}` },
    nginx: { small: files.small.map(([name]) => `/${name}`), large: `/${files.large[0]}` },
  };
  const servers = [];
  for (const name of names) {
    const server = await start[name]();
    ends.push(() => server.stop());
    const kind = name === "nginx" ? "nginx" : /constant|bare/.test(name) ? "constant" : "ours";
    servers.push({ name, isOurs: kind === "ours", url: server.url, pid: server.pid, paths: paths[kind] });
  }
  return servers;
}

/** All servers. */
export const SERVERS = ["worker", "constant worker", "serve", "bare node:http", "nginx"];

/**
 * Runs each load on all servers, taking turns; every server is warm.
 * @param {{ connections: number, seconds: number, names?: string[], disturbed?: boolean }} options `disturbed`: also with a
 *   quarter of the connections that leave at random, and a quarter that read nothing
 */
export async function measureLoad({ names = SERVERS, disturbed = false, ...options }) {
  const folder = tempFolder("load");
  const ends = [() => folder.remove()];
  try {
    const files = makeFiles();
    const layout = join(folder.path, "layout");
    await writeSyntheticLayout(layout, [...files.small, files.large], { spanSize: SPAN });
    let asked = 0;
    const registry = await serveLayout({ dir: layout, repository: "load", onRequest: () => (asked += 1) });
    ends.push(registry.close);
    const servers = await startServers({ folder: folder.path, ends, registry, files, names });
    const rows = [];
    const measure = async (name, server, lua, { connections, seconds } = options) => {
      const script = join(folder.path, "load.lua");
      writeFileSync(script, lua + DONE);
      const [before, cpu] = [asked, cpuOf(server.pid)];
      resetPeak(server.pid);
      const result = await load(server.url, script, { connections, seconds });
      const { peak } = memoryOf(server.pid);
      const cpuMicros = ((cpuOf(server.pid) - cpu) * 1000) / result.requests;
      rows.push({ load: name, server: server.name, ...result, peak, cpuMicros, asked: asked - before });
    };
    const small = ({ paths }) => LUA.small(paths.small);
    const ranges = ({ paths }) => LUA.ranges(paths.large);
    for (const [name, lua] of /** @type {const} */ ([
      ["small files", small],
      ["64 KiB ranges of a large file", ranges],
    ])) {
      for (const server of servers) {
        // The first time it is not yet kept, the second time it is not yet compiled.
        const script = join(folder.path, "load.lua");
        writeFileSync(script, lua(server) + DONE);
        await load(server.url, script, { connections: 4, seconds: Math.min(4, options.seconds) });
        await measure(name, server, lua(server));
      }
    }
    for (const server of servers.filter(({ isOurs }) => isOurs && disturbed)) {
      const [quarter, half] = [options.connections / 4, options.connections / 2];
      const fewer = { ...options, connections: half };
      await measure(`small files, ${half} connections`, server, small(server), fewer);
      const bad = Array(quarter).fill(server.paths.large);
      const calm = [hang(server.url, bad), leave(server.url, bad)];
      await measure(
        `the same, beside ${quarter} that leave and ${quarter} that read nothing`,
        server,
        small(server),
        fewer,
      );
      for (const end of calm) end();
    }
    return rows;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
