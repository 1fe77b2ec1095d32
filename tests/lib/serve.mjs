// `ocipeek serve` as a process, under each runtime.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/run.mjs";
import { cliFile } from "./package.mjs";

const bin = (name) => join(ROOT, "node_modules", ".bin", name);
/** How the command is started under each. */
export const RUNTIMES = {
  node: [process.execPath, cliFile()],
  deno: [bin("deno"), "run", "--quiet", "--allow-all", cliFile()],
  bun: [bin("bun"), cliFile()],
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Starts `ocipeek serve` and waits until it says its URL.
 * @param {string[]} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @param {{ keepLog?: boolean }} [options] `keepLog`: whether its log is read; else it goes nowhere, as it would grow
 */
export async function startServe(command, args, env = {}, { keepLog = true } = {}) {
  const [file, ...first] = command;
  const child = spawn(file, [...first, "serve", "--port", "0", ...args], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", keepLog ? "pipe" : "ignore"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let out = "";
  let log = "";
  child.stdout?.on("data", (d) => (out += d));
  child.stderr?.on("data", (d) => (log += d));
  const exit = once(child, "close");
  for (let i = 0; i < 600 && !out.includes("\n") && child.exitCode === null; i++) await sleep(50);
  assert.match(out, /^http:\/\/127\.0\.0\.1:\d+\/\n$/, log);
  return {
    url: out.trim().slice(0, -1),
    pid: child.pid,
    log: () => log,
    stop: async (signal = "SIGINT") => {
      process.off("exit", kill);
      child.kill(/** @type {NodeJS.Signals} */ (signal));
      const hard = setTimeout(kill, 10_000);
      const [code] = await exit;
      clearTimeout(hard);
      return code;
    },
  };
}
