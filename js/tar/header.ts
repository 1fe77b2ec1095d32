/** Headers of POSIX tar archives (pax interchange format, POSIX.1-2017 `pax`). @module */
import { concat, isUtf8 } from "../common/bytes.js";
import { baseName } from "../path.js";
import type { Stats } from "../types/index.js";

/** Bytes of a block: headers are of it, and content is padded to it. */
export const BLOCK = 512;

/** Entry of an archive: a name, attributes, and what it links to. */
export interface TarEntry {
  /** Path in the archive, as raw bytes, relative; without `/` at the end. */
  name: Uint8Array;
  /** The entry's attributes. */
  stats: Stats;
  /** Name of an earlier entry that this is another name of. */
  hardlink?: Uint8Array | undefined;
}

const TYPE_FLAGS = {
  file: "0",
  symlink: "2",
  "char-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
} as const;

/**
 * The header block of an entry, with a pax header in front of it where its fields do not hold all. `size` is what follows;
 * of a sparse file the map and its data.
 */
export function headerOf(entry: TarEntry, size: number, sparse = false): Uint8Array {
  const { stats } = entry;
  const own = entry.name.length === 0 ? ascii(".") : entry.name;
  const name = stats.type === "directory" ? concat([own, ascii("/")]) : own;
  const link =
    entry.hardlink ?? (stats.type === "symlink" ? stats.linknameBytes : undefined) ?? new Uint8Array();
  const pax = new PaxRecords();
  const block = new Header();
  block.type = entry.hardlink ? "1" : TYPE_FLAGS[stats.type];
  if (sparse) {
    pax.add(ascii("GNU.sparse.major"), ascii("1"));
    pax.add(ascii("GNU.sparse.minor"), ascii("0"));
    pax.bytes("GNU.sparse.name", name);
    pax.add(ascii("GNU.sparse.realsize"), ascii(String(stats.size)));
    // Extracted only by programs that know no such files: not what the name says.
    block.bytes(0, 100, concat([ascii("GNUSparseFile.0/"), baseName(name).subarray(0, 80)]));
  } else {
    block.bytes(0, 100, pax.text("path", name, 100));
  }
  block.number(100, 8, stats.mode & 0o7777);
  block.number(108, 8, pax.number("uid", stats.uid, 0o7777777));
  block.number(116, 8, pax.number("gid", stats.gid, 0o7777777));
  block.number(124, 12, pax.number("size", size, 0o77777777777));
  block.number(136, 12, pax.time(stats.mtimeNs));
  block.bytes(157, 100, pax.text("linkpath", link, 100));
  block.bytes(265, 32, pax.text("uname", utf8(stats.uname), 31));
  block.bytes(297, 32, pax.text("gname", utf8(stats.gname), 31));
  block.number(329, 8, stats.devMajor);
  block.number(337, 8, stats.devMinor);
  if (!entry.hardlink) {
    for (const [key, value] of stats.xattrsBytes) pax.add(concat([ascii("SCHILY.xattr."), key]), value);
  }
  const records = pax.encode();
  if (records.length === 0) return block.encode();
  const extra = new Header();
  extra.type = "x";
  // Extracted only by programs that know no pax headers.
  extra.bytes(0, 100, concat([ascii("PaxHeaders/"), baseName(entry.name).subarray(0, 80)]));
  extra.number(100, 8, 0o644);
  extra.number(124, 12, records.length);
  const padding = new Uint8Array((BLOCK - (records.length % BLOCK)) % BLOCK);
  return concat([extra.encode(), records, padding, block.encode()]);
}

/** One ustar header block. */
class Header {
  readonly #block = new Uint8Array(BLOCK);
  type = "0";

  bytes(at: number, length: number, value: Uint8Array): void {
    this.#block.set(value.subarray(0, length), at);
  }

  /** Octal with NUL at the end; in base 256, as GNU tar does, where that does not fit (device numbers). */
  number(at: number, length: number, value: number): void {
    const octal = value.toString(8);
    if (octal.length < length) {
      this.#block.set(ascii(octal.padStart(length - 1, "0")), at);
      return;
    }
    let rest = BigInt(value);
    for (let i = at + length - 1; i > at; i--) {
      this.#block[i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    this.#block[at] = 0x80;
  }

  encode(): Uint8Array {
    const block = this.#block;
    block.set(ascii(this.type), 156);
    block.set(ascii("ustar\x0000"), 257);
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(ascii(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return block;
  }
}

/** The records of a pax header. */
class PaxRecords {
  readonly #records: [Uint8Array, Uint8Array][] = [];
  #binary = false;

  add(key: Uint8Array, value: Uint8Array): void {
    this.#records.push([key, value]);
  }

  /** A record of text, which need not be UTF-8. */
  bytes(key: string, value: Uint8Array): void {
    if (!isUtf8(value)) this.#binary = true;
    this.add(ascii(key), value);
  }

  /** The field's value; text that is too long or not ASCII becomes a record. */
  text(key: string, value: Uint8Array, most: number): Uint8Array {
    if (value.length <= most && value.every((byte) => byte > 0 && byte < 0x80)) return value;
    this.bytes(key, value);
    // For programs that know no pax headers.
    return value.subarray(0, most);
  }

  /** The field's value; a number that is too large becomes a record. */
  number(key: string, value: number, most: number): number {
    if (value <= most) return value;
    this.add(ascii(key), ascii(String(value)));
    return 0;
  }

  /** The field's value, in seconds; fractions, and times before 1970 or far ahead, become a record. */
  time(ns: bigint | undefined): number {
    const billion = 1_000_000_000n;
    const exact = ns ?? 0n;
    const fits = exact >= 0n && exact % billion === 0n && exact / billion <= 0o77777777777n;
    if (fits) return Number(exact / billion);
    const absolute = exact < 0n ? -exact : exact;
    const fraction = `${absolute % billion}`.padStart(9, "0").replace(/0+$/, "");
    const text = `${exact < 0n ? "-" : ""}${absolute / billion}${fraction && `.${fraction}`}`;
    this.add(ascii("mtime"), ascii(text));
    const seconds = exact / billion;
    return seconds >= 0n && seconds <= 0o77777777777n ? Number(seconds) : 0;
  }

  encode(): Uint8Array {
    const records = this.#records.map(([key, value]) => paxRecord(key, value));
    // Says that names are bytes, not UTF-8. Counts for the records after it.
    if (this.#binary) records.unshift(paxRecord(ascii("hdrcharset"), ascii("BINARY")));
    return concat(records);
  }
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
export function paxRecord(key: Uint8Array, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return concat([ascii(`${length} `), key, ascii("="), value, ascii("\n")]);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const ascii = utf8;
