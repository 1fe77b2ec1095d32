// What the benches print.
import { cpus } from "node:os";

/** The machine and the day. */
export function machine() {
  const about = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
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
