/** The list of what an archive lacks. @module */
import type { Stats } from "../types/index.js";
import type { TarItem } from "./archive.js";
import type { TarEntry } from "./header.js";

/** More are only counted. */
const LISTED = 1000;

/** A line for each: its path as JSON, and why. */
export function leftOutText(failed: readonly TarItem[]): Uint8Array {
  const lines = failed
    .slice(0, LISTED)
    .map(({ stats, failure }) => `${JSON.stringify(stats.path)}: ${failure?.message ?? ""}\n`);
  const more = failed.length > LISTED ? `and ${failed.length - LISTED} more\n` : "";
  return new TextEncoder().encode(lines.join("") + more);
}

/** The entry of that list. */
export function noteOf(name: string, size: number): TarEntry {
  const stats = {
    type: "file",
    size,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    mtimeNs: 0n,
    devMajor: 0,
    devMinor: 0,
    xattrsBytes: [],
  } as Partial<Stats> as Stats;
  return { name: new TextEncoder().encode(name), stats };
}
