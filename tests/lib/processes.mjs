// Servers that the tests start, each ended with the test that started it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen } from "../../scripts/lib/servers.mjs";

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}

/** A temporary folder, and how to remove it. */
export function tempFolder(name) {
  const path = mkdtempSync(join(tmpdir(), `ocipeek-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/**
 * Starts a server and waits until `url` answers.
 * @param {string} file
 * @param {string[]} args
 * @param {{ url: string, env?: Record<string, string | undefined>, cwd?: string, seconds?: number, keepOutput?: boolean }} options `keepOutput`: else standard output goes nowhere
 */
export async function startServer(file, args, { url, env, cwd, seconds = 30, keepOutput = true }) {
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", keepOutput ? "pipe" : "ignore", "pipe"],
  });
  let output = "";
  let ended = false;
  const keep = (d) => (output = (output + d).slice(-20_000));
  child.stdout?.on("data", keep);
  child.stderr.on("data", keep);
  const exit = new Promise((resolve) => child.once("close", resolve));
  child.once("error", (e) => keep(e.message));
  exit.then(() => (ended = true));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    process.off("exit", kill);
    if (ended) return;
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 3000);
    await exit;
    clearTimeout(hard);
  };
  const until = Date.now() + seconds * 1000;
  for (;;) {
    if (ended) throw new Error(`${file} ended before it answered:\n${output}`);
    try {
      await fetch(url, { signal: AbortSignal.timeout(2000) }).then((r) => r.body?.cancel());
      return { child, stop, output: () => output };
    } catch {
      if (Date.now() > until) {
        await stop();
        throw new Error(`${file} did not answer on ${url}:\n${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
}
