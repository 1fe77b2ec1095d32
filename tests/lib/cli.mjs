// Runs the built command as a user would, with byte-exact output.
import { spawn } from "node:child_process";
import { cliFile } from "./package.mjs";
import { tempFolder } from "./processes.mjs";

/** The environment of a command that keeps nothing for the next one, and nothing in the real home: `remove` what it kept. */
export function commandEnv(env = {}) {
  const cache = tempFolder("cache");
  const own = { ...process.env, DOCKER_CONFIG: "/nonexistent", XDG_CACHE_HOME: cache.path, ...env };
  return { env: own, remove: cache.remove };
}

/**
 * @param {string[]} args
 * @param {{ input?: string, env?: Record<string, string>, cwd?: string }} [options]
 * @returns {Promise<{ code: number, stdout: Buffer, stderr: string }>}
 */
export function ocipeek(args, { input, env, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const own = commandEnv(env);
    const child = spawn(process.execPath, [cliFile(), ...args], { cwd, env: own.env });
    const out = [];
    const err = [];
    child.stdout.on("data", (d) => out.push(d));
    child.stderr.on("data", (d) => err.push(d));
    child.on("error", reject);
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    child.on("close", (code) => {
      own.remove();
      resolve({ code: code ?? 1, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() });
    });
  });
}
