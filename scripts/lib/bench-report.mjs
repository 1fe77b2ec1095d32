// What the benches print.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { ROOT } from "./run.mjs";

/** The machine and the day. */
export function machine() {
  const { version: node } = process;
  const date = new Date().toISOString().slice(0, 10);
  const about = { cpu: cpus()[0]?.model, cores: cpus().length, node, date };
  return { ...about, text: `${about.cpu}, ${about.cores} cores, Node ${about.node}, ${about.date}` };
}

/** Of a list of numbers, in any order. */
export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Prints rows below their columns' names. */
export function table(rows, columns) {
  const cells = [columns, ...rows].map((r) => r.map(String));
  const widths = columns.map((_, i) => Math.max(...cells.map((r) => r[i].length)));
  for (const row of cells)
    console.log(row.map((c, i) => (i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i]))).join("  "));
}

/** Writes results to a file, if one is named. */
export function save(file, results) {
  if (file) writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

/** A process that makes a pass for each line that it is sent, and says a line of what it took. */
export function contender(file, args) {
  const child = spawn(file, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const pass = async () => {
    child.stdin.write("\n");
    const { done, value } = await lines.next();
    if (done) throw new Error(`${file} ${args.join(" ")} ended`);
    return value;
  };
  return { pass, stop: () => child.stdin.end() };
}

/**
 * Lets each contender make a pass a round, so that what else the machine does falls on all alike. `onFirst` is given the
 * passes of the first round, which warms up.
 * @template T
 * @param {Record<string, () => T | Promise<T>>} contenders
 * @param {number} rounds
 * @param {(name: string, pass: T) => void} [onFirst]
 * @returns {Promise<Map<string, T[]>>}
 */
export async function takeTurns(contenders, rounds, onFirst = () => {}) {
  const passes = new Map(Object.keys(contenders).map((name) => [name, /** @type {T[]} */ ([])]));
  for (let i = 0; i < rounds + 1; i++) {
    for (const [name, pass] of Object.entries(contenders)) {
      const made = await pass();
      if (i === 0) onFirst(name, made);
      else passes.get(name)?.push(made);
    }
  }
  return passes;
}
