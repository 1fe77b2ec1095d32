/** Differences between a path's attributes on two sides. @module */
import { hex } from "../../../js/common/hex.ts";
import type { FileFacts } from "../protocol/api.ts";
import { bytes, count, KINDS, permissions, time } from "./format.ts";

/** One attribute on both sides; empty where a side has none. */
export interface FactChange {
  name: string;
  left: string;
  right: string;
}

/** All attributes that differ; of a path that one side has not, all that it has. */
export function factChanges(left: FileFacts | undefined, right: FileFacts | undefined): FactChange[] {
  const [a, b] = [wordsOf(left), wordsOf(right)];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names
    .map((name) => ({ name, left: a[name] ?? "", right: b[name] ?? "" }))
    .filter((it) => it.left !== it.right);
}

function wordsOf(facts: FileFacts | undefined): Record<string, string> {
  if (!facts) return {};
  const { type, size, mode, uid, gid, uname, gname, mtime, linkname, devMajor, devMinor, xattrs } = facts;
  const isFile = type === "file";
  const isDevice = type === "char-device" || type === "block-device";
  const owner = (id: number, name: string): string => (name === "" ? `${id}` : `${name} (${id})`);
  return {
    Type: KINDS[type],
    ...(isFile ? { Size: size < 1000 ? bytes(size) : `${bytes(size)} (${count(size)})` } : {}),
    Mode: permissions(mode),
    Owner: owner(uid, uname),
    Group: owner(gid, gname),
    Modified: time(mtime),
    ...(linkname === undefined ? {} : { "Link to": linkname }),
    ...(isDevice ? { Device: `${devMajor}:${devMinor}` } : {}),
    ...Object.fromEntries(xattrs.map(([name, value]) => [`Attribute ${name}`, bytesOf(value)])),
  };
}

function bytesOf(value: Uint8Array): string {
  const digits = hex(value.subarray(0, 64));
  return value.length > 64 ? `${digits}… (${value.length} bytes)` : digits;
}
