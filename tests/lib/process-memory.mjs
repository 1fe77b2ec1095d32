// Memory and time of processes, and which processes there are, as Linux tells.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Resident bytes of a process, and the most that they have been. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { pid, now: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
}

/** From now on the peak of a process counts anew. */
export function resetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Milliseconds of processor time that a process has taken. Linux counts them in hundredths of a second. */
export function cpuOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/**
 * Processes below `root`, by way of others too.
 * @returns {{ pid: number, parent: number, command: string }[]} the command's parts end with NUL each
 */
export function processesBelow(root) {
  const all = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      all.set(Number(pid), { pid: Number(pid), parent, command });
    } catch {
      // It has ended.
    }
  }
  const isBelow = ({ parent }) => parent === root || (all.has(parent) && isBelow(all.get(parent)));
  return [...all.values()].filter(isBelow);
}

/** The processes of a browser's pages, below `root`. */
export function renderersBelow(root) {
  return processesBelow(root).filter(({ command }) => command.includes("--type=renderer"));
}
