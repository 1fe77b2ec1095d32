/** Numbers and times for people. @module */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `1.9 MB`: decimal units, as registries and disks have them. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 file`, `2 files`. */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** `2024-03-01 12:30:05 UTC`; empty where unknown. */
export function time(ms: number): string {
  if (Number.isNaN(ms) || Math.abs(ms) > 8.64e15) return "";
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Kinds of entries. */
export const KINDS = {
  file: "file",
  directory: "folder",
  symlink: "link",
  "char-device": "character device",
  "block-device": "block device",
  fifo: "named pipe",
};

/** `rwxr-sr-x`. */
export function permissions(mode: number): string {
  const bit = (mask: number, char: string): string => (mode & mask ? char : "-");
  const run = (mask: number, special: number, low: string): string => {
    if (mode & special) return mode & mask ? low : low.toUpperCase();
    return bit(mask, "x");
  };
  return [
    bit(0o400, "r"),
    bit(0o200, "w"),
    run(0o100, 0o4000, "s"),
    bit(0o040, "r"),
    bit(0o020, "w"),
    run(0o010, 0o2000, "s"),
    bit(0o004, "r"),
    bit(0o002, "w"),
    run(0o001, 0o1000, "t"),
  ].join("");
}

/** `sha256:0123456789ab…`: the first twelve digits, as Docker shows them. */
export function shortDigest(digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm}:${hex.slice(0, 12)}`;
}
