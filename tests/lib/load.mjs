// Load on loopback: the built worker in workerd beside nginx with the same files on disk, by wrk.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { nginx, wrk } from "../../scripts/lib/tools.mjs";
import { memoryOf, resetPeak } from "./process-memory.mjs";
import { freePort, startServer, tempFolder } from "./processes.mjs";
import { writeSyntheticLayout } from "./synthetic-image.mjs";
import { startBundle } from "./worker.mjs";

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

async function startNginx(folder, root) {
  const program = nginx();
  if (!program) throw new Error("nginx is missing: run `npm run setup -- --tests`");
  const port = await freePort();
  const file = join(folder, "nginx.conf");
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr;
events { worker_connections 256; }
http {
  access_log off; sendfile on; keepalive_requests 1000000; types { text/plain txt; }
  ${temp.map((name) => `${name}_temp_path ${folder}/tmp-${name};`).join(" ")}
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`,
  );
  const url = `http://127.0.0.1:${port}`;
  // One process, as the worker is one.
  const args = ["-p", folder, "-c", file, "-g", "master_process off;"];
  const server = await startServer(program, args, { url });
  return { url, pid: server.child.pid, stop: server.stop };
}

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

/**
 * Runs each load on both servers, taking turns; every server is warm.
 * @param {{ connections: number, seconds: number }} options
 */
export async function measureLoad(options) {
  const folder = tempFolder("load");
  const ends = [() => folder.remove()];
  try {
    const { small, large } = makeFiles();
    const layout = join(folder.path, "layout");
    await writeSyntheticLayout(layout, [...small, large], { spanSize: SPAN });
    const root = join(folder.path, "root");
    for (const [name, content] of [...small, large]) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    let asked = 0;
    const registry = await serveLayout({ dir: layout, repository: "load", onRequest: () => (asked += 1) });
    ends.push(registry.close);
    const beside = await startNginx(folder.path, root);
    ends.push(beside.stop);
    const worker = await startBundle({
      OCIPEEK_INSECURE_REGISTRIES: registry.host,
      OCIPEEK_TAG_TTL: "86400",
    });
    ends.push(worker.stop);
    const servers = [
      { name: "worker", url: worker.url, prefix: `/${registry.host}/load:latest/-/`, pid: worker.pid },
      { name: "nginx", url: beside.url, prefix: "/", pid: beside.pid },
    ];
    const loads = [
      { name: "small files", lua: (prefix) => LUA.small(small.map(([name]) => prefix + name)) },
      { name: "64 KiB ranges of a large file", lua: (prefix) => LUA.ranges(prefix + large[0]) },
    ];
    const rows = [];
    for (const { name, lua } of loads) {
      for (const server of servers) {
        const script = join(folder.path, `${server.name}.lua`);
        writeFileSync(script, lua(server.prefix) + DONE);
        await load(server.url, script, { connections: 4, seconds: 1 });
        const before = asked;
        resetPeak(server.pid);
        const result = await load(server.url, script, options);
        const { peak } = memoryOf(server.pid);
        rows.push({ load: name, server: server.name, ...result, peak, asked: asked - before });
      }
    }
    return rows;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
