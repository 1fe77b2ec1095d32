import type { EntryType, Stats } from "../js/index.js";

const LETTERS: Record<EntryType, string> = {
  file: "-",
  directory: "d",
  symlink: "l",
  "char-device": "c",
  "block-device": "b",
  fifo: "p",
};

/** `drwxr-sr-t`, as `ls -l` writes it. */
export function modeString(type: EntryType, mode: number): string {
  const triple = (shift: number, special: boolean, letter: string): string => {
    const bits = mode >> shift;
    const execute = bits & 1;
    const last = special ? (execute ? letter : letter.toUpperCase()) : execute ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${last}`;
  };
  return (
    LETTERS[type] +
    triple(6, (mode & 0o4000) !== 0, "s") +
    triple(3, (mode & 0o2000) !== 0, "s") +
    triple(0, (mode & 0o1000) !== 0, "t")
  );
}

/** Bytes as `ls -h` writes them: powers of 1024, rounded up, one digit below ten. */
export function humanSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  let n = bytes;
  let unit = "";
  for (const next of ["K", "M", "G", "T", "P"]) {
    if (n < 1024 && unit) break;
    n /= 1024;
    unit = next;
  }
  const tenth = Math.ceil(n * 10) / 10;
  if (tenth < 10) return `${tenth.toFixed(1)}${unit}`;
  const whole = Math.ceil(n);
  return `${whole}${unit}`;
}

/** Bytes for people: `1.2 MB`, powers of 1000. */
export function siSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let n = bytes;
  let unit = "B";
  for (const next of ["kB", "MB", "GB", "TB"]) {
    if (n < 999.95 && unit !== "B") break;
    n /= 1000;
    unit = next;
  }
  return `${n.toFixed(1)} ${unit}`;
}

/** Bytes that somebody chose, exactly: `4 MiB`, `128 KiB`, `100 B`. */
export function chosenSize(bytes: number): string {
  if (bytes > 0 && bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  return bytes > 0 && bytes % 2 ** 10 === 0 ? `${bytes / 2 ** 10} KiB` : `${bytes} B`;
}

/** `1 entry`, `2 entries`. */
export function counted(n: number, what: string): string {
  if (n === 1) return `1 ${what}`;
  return `${n} ${what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HALF_YEAR_MS = 31_556_952_000 / 2;

/** A time as `ls -l` writes it in the C locale: with the hour within the last half year, else with the year. */
export function lsTime(mtime: Date, now: Date): string {
  if (Number.isNaN(mtime.getTime())) return "?".padStart(12);
  const day = `${MONTHS[mtime.getMonth()]} ${String(mtime.getDate()).padStart(2)}`;
  const age = now.getTime() - mtime.getTime();
  if (age >= 0 && age < HALF_YEAR_MS) {
    const two = (n: number): string => String(n).padStart(2, "0");
    return `${day} ${two(mtime.getHours())}:${two(mtime.getMinutes())}`;
  }
  return `${day}  ${String(mtime.getFullYear()).padStart(4)}`;
}

/** RFC 3339 in UTC with the fraction, or `unknown`. */
export function fullTime(stats: Stats): string {
  return (stats as { toJSON?(): { mtime?: string } }).toJSON?.().mtime ?? "unknown";
}

/** Lines with columns of equal width, `gap` between them; `right` names those set flush right. The last column is not padded. */
export function table(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  gap = "  ",
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => {
        if (right.includes(i)) return cell.padStart(widths[i] ?? 0);
        return i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0);
      })
      .join(gap),
  );
}

/** Names in as few lines as fit, filled column by column, as `ls` does on a terminal. */
export function columns(widths: readonly number[], total: number): number {
  for (let rows = 1; rows < widths.length; rows++) {
    let width = 0;
    for (let from = 0; from < widths.length; from += rows) {
      width += Math.max(...widths.slice(from, from + rows)) + 2;
    }
    if (width - 2 <= total) return rows;
  }
  return widths.length;
}
