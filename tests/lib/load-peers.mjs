// Servers to measure ours beside: nginx with the same files on disk, and the same runtimes with constant answers.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginx } from "../../scripts/lib/tools.mjs";
import { freePort, startServer } from "./processes.mjs";
import { startWorkerd } from "./workerd.mjs";

/** nginx, one process, with `root` as its files. */
export async function startNginx(folder, root) {
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

/** Answers `/SIZE` with so many bytes: all that a worker can do at most. */
const CONSTANT_WORKER = `const bodies = new Map();
export default {
  async fetch(request) {
    const size = Number(request.url.slice(request.url.lastIndexOf("/") + 1)) || 0;
    let body = bodies.get(size);
    if (!body) bodies.set(size, (body = new Uint8Array(size).fill(97)));
    return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8", "content-length": String(size) } });
  },
};
`;

/** A worker that answers with constants, in the same workerd as ours, with the same flags. */
export function startConstantWorker(options) {
  return startWorkerd([["constant.js", CONSTANT_WORKER]], { ...options, ready: "/1" });
}

const CONSTANT_SERVER = `import { createServer } from "node:http";
const bodies = new Map();
const server = createServer((request, response) => {
  const size = Number(request.url.slice(request.url.lastIndexOf("/") + 1)) || 0;
  let body = bodies.get(size);
  if (!body) bodies.set(size, (body = Buffer.alloc(size, 97)));
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "content-length": size });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** A bare server of `node:http` that answers with constants, in a process of its own. */
export async function startConstantServer() {
  const child = spawn(process.execPath, ["--input-type=module", "-e", CONSTANT_SERVER], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const [line] = await once(child.stdout, "data");
  return {
    url: `http://127.0.0.1:${String(line).trim()}`,
    pid: child.pid,
    stop: async () => {
      process.off("exit", kill);
      const ended = once(child, "close");
      kill();
      await ended;
    },
  };
}
