/** Archives and compressed files: what they say of themselves in their first and last bytes. @module */
import type { Identity } from "../../protocol/api.ts";
import { type Content, count, cText, identity, startsWith, utc, viewOf } from "./content.ts";

/** Entries of an archive that are listed. */
const MAX_LISTED = 500;

/** The facts of an archive; `undefined` where it is none that is known. */
export async function archive(content: Content): Promise<Identity | undefined> {
  const { head } = content;
  if (startsWith(head, "\x1f\x8b\x08")) return gzip(content);
  if (startsWith(head, "PK\x03\x04") || startsWith(head, "PK\x05\x06")) return zip(content);
  if (startsWith(head, "!<arch>\n")) return ar(content);
  if (startsWith(head, "ustar", 257))
    return identity("tar", "tar archive", [["First entry", cText(head, 0, 100)]]);
  return undefined;
}

/** RFC 1952: header fields, and the length modulo 2³² at the end. */
async function gzip(content: Content): Promise<Identity> {
  const { head, size } = content;
  const view = viewOf(head);
  const flags = view.getUint8(3);
  const facts: Identity["facts"] = [];
  let at = 10;
  if (flags & 4) at += 2 + view.getUint16(at, true);
  if (flags & 8) facts.push(["Original name", cText(head, at)]);
  const time = view.getUint32(4, true);
  if (time !== 0) facts.push(["Modified", utc(time)]);
  if (size >= 18) {
    const end = viewOf(await content.read(size - 4, size));
    facts.push(["Unpacked, modulo 4 GiB", `${count(end.getUint32(0, true))} B`]);
  }
  return identity("gzip", "gzip compressed", facts);
}

/** The end of the central directory, and of the directory what is in the last 64 KiB before it. */
async function zip(content: Content): Promise<Identity> {
  const { name, size } = content;
  const from = Math.max(0, size - 65_557);
  const tail = await content.read(from, size);
  const view = viewOf(tail);
  let end = tail.length - 22;
  while (end >= 0 && !startsWith(tail, "PK\x05\x06", end)) end--;
  const title = titleOf(name);
  if (end < 0) return identity("zip", title, [["Directory", "missing"]]);
  const number = view.getUint16(end + 10, true);
  const length = view.getUint32(end + 12, true);
  const offset = view.getUint32(end + 16, true);
  const directory = await content.read(offset, offset + Math.min(length, 256 << 10));
  const rows = zipEntries(directory);
  const entries = number === 0xffff ? "65,535 or more" : count(number);
  return identity("zip", title, [["Entries", entries]], [{ title: "Entries", rows }]);
}

function titleOf(name: string): string {
  if (/\.(jar|war|ear)$/i.test(name)) return "Java archive (zip)";
  if (/\.whl$/i.test(name)) return "Python wheel (zip)";
  if (/\.(apk|aab)$/i.test(name)) return "Android package (zip)";
  if (/\.(docx|xlsx|pptx|od[tsp])$/i.test(name)) return "Office document (zip)";
  return "zip archive";
}

function zipEntries(directory: Uint8Array): [string, string][] {
  const view = viewOf(directory);
  const rows: [string, string][] = [];
  for (let at = 0; at + 46 <= directory.length && rows.length < MAX_LISTED; ) {
    if (!startsWith(directory, "PK\x01\x02", at)) break;
    const length = view.getUint16(at + 28, true);
    if (at + 46 + length > directory.length) break;
    const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + length));
    rows.push([name, `${count(view.getUint32(at + 24, true))} B`]);
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return rows;
}

/** Members of a Unix archive: static libraries, Debian packages. */
async function ar(content: Content): Promise<Identity> {
  const rows: [string, string][] = [];
  let at = 8;
  for (; at + 60 <= content.head.length && rows.length < MAX_LISTED; ) {
    const header = cText(content.head, at, 60);
    const size = Number(header.slice(48, 58).trim());
    if (!Number.isSafeInteger(size) || size < 0) break;
    const name = header
      .slice(0, 16)
      .trim()
      .replace(/(.)\/$/, "$1");
    rows.push([name === "/" ? "(symbol table)" : name, `${count(size)} B`]);
    at += 60 + size + (size % 2);
  }
  const isPackage = rows[0]?.[0] === "debian-binary";
  const isWhole = at >= content.size;
  const facts: Identity["facts"] = isWhole ? [["Members", String(rows.length)]] : [];
  const sections = [{ title: isWhole ? "Members" : "First members", rows }];
  return isPackage
    ? identity("deb", "Debian package", facts, sections)
    : identity("ar", "static library (ar)", facts, sections);
}
