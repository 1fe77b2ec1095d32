// Runs programs for the scripts: quiet while they succeed, everything they said when they fail.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A program that failed; `output` is all it printed. */
export class RunError extends Error {
  constructor(command, code, output) {
    super(`${command} ended with ${code}`);
    this.output = output;
  }
}

/**
 * Runs a program to its end.
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, inherit?: boolean, input?: string | Uint8Array, timeout?: number, allowFail?: boolean }} [options]
 *   `inherit` shows the output as it comes; `timeout` in seconds.
 * @returns {Promise<{ code: number, stdout: string, stderr: string, output: string }>}
 */
export function run(file, args, options = {}) {
  const command = [file, ...args].join(" ");
  const output = options.inherit ? "inherit" : "pipe";
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? "ignore" : "pipe", output, output],
    });
    const out = [];
    const err = [];
    const all = [];
    const keep = (list, data) => {
      list.push(data);
      all.push(data);
    };
    child.stdout?.on("data", (d) => keep(out, d));
    child.stderr?.on("data", (d) => keep(err, d));
    if (options.input !== undefined) {
      child.stdin.on("error", () => {});
      child.stdin.end(options.input);
    }
    let timedOut = false;
    const timer =
      options.timeout &&
      setTimeout(() => {
        timedOut = true;
        child.kill("SIGKILL");
      }, options.timeout * 1000);
    child.on("error", (e) => {
      clearTimeout(timer || undefined);
      reject(new RunError(command, e.message, ""));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer || undefined);
      const text = (list) => Buffer.concat(list).toString();
      const result = { code: code ?? 1, stdout: text(out), stderr: text(err), output: text(all) };
      const end = timedOut ? `a timeout of ${options.timeout} s` : (signal ?? code);
      if (result.code === 0 || (options.allowFail && !timedOut)) resolve(result);
      else reject(new RunError(command, end, result.output));
    });
  });
}

/** Whether a program ends with 0. */
export async function succeeds(file, args, options) {
  return run(file, args, options).then(
    () => true,
    () => false,
  );
}

/** Milliseconds as people read them. */
export function duration(ms) {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}
