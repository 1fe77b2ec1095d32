/** Writes POSIX tar archives (pax interchange format, POSIX.1-2017 `pax`), one entry after the other. */

import type { Stats } from "../js/index.js";

const BLOCK = 512;
/** GNU tar and bsdtar pad archives to records of 20 blocks. */
const RECORD = 20 * BLOCK;

/** What an entry is, besides its attributes. */
export interface TarEntry {
  /** Path in the archive, as raw bytes, relative; without `/` at the end. */
  name: Uint8Array;
  /** The entry's attributes. */
  stats: Stats;
  /** Name of an earlier entry that this is another name of. */
  hardlink?: Uint8Array | undefined;
}

/** An archive that is being written. */
export class TarWriter {
  readonly #write: (chunk: Uint8Array) => Promise<void>;
  #written = 0;

  constructor(write: (chunk: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Writes an entry; `content` must give exactly `stats.size` bytes where it is a file. */
  async entry(entry: TarEntry, content?: AsyncIterable<Uint8Array>): Promise<void> {
    const size = content ? entry.stats.size : 0;
    await this.#put(headerOf(entry, size));
    if (!content) return;
    let left = size;
    for await (const chunk of content) {
      left -= chunk.length;
      if (left < 0) break;
      await this.#put(chunk);
    }
    if (left !== 0) throw new Error(`${entry.stats.path}: its content has not the length ${size}`);
    await this.#pad(BLOCK);
  }

  /** Writes the end of the archive. */
  async end(): Promise<void> {
    await this.#put(new Uint8Array(2 * BLOCK));
    await this.#pad(RECORD);
  }

  async #put(chunk: Uint8Array): Promise<void> {
    this.#written += chunk.length;
    await this.#write(chunk);
  }

  async #pad(unit: number): Promise<void> {
    const rest = this.#written % unit;
    if (rest > 0) await this.#put(new Uint8Array(unit - rest));
  }
}

const TYPE_FLAGS = {
  file: "0",
  symlink: "2",
  "char-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
} as const;

/** The header block of an entry, with a pax header in front of it where its fields do not hold all. */
export function headerOf(entry: TarEntry, size: number): Uint8Array {
  const { stats } = entry;
  const name = stats.type === "directory" ? Buffer.concat([entry.name, Buffer.from("/")]) : entry.name;
  const link =
    entry.hardlink ?? (stats.type === "symlink" ? stats.linknameBytes : undefined) ?? new Uint8Array();
  const pax = new PaxRecords();
  const block = new Header();
  block.type = entry.hardlink ? "1" : TYPE_FLAGS[stats.type];
  block.bytes(0, 100, pax.text("path", name, 100));
  block.number(100, 8, stats.mode & 0o7777);
  block.number(108, 8, pax.number("uid", stats.uid, 0o7777777));
  block.number(116, 8, pax.number("gid", stats.gid, 0o7777777));
  block.number(124, 12, pax.number("size", size, 0o77777777777));
  block.number(136, 12, pax.time(stats.mtimeNs));
  block.bytes(157, 100, pax.text("linkpath", link, 100));
  block.bytes(265, 32, pax.text("uname", Buffer.from(stats.uname), 31));
  block.bytes(297, 32, pax.text("gname", Buffer.from(stats.gname), 31));
  block.number(329, 8, stats.devMajor);
  block.number(337, 8, stats.devMinor);
  if (!entry.hardlink) {
    for (const [key, value] of stats.xattrsBytes)
      pax.add(Buffer.concat([Buffer.from("SCHILY.xattr."), key]), value);
  }
  const records = pax.encode();
  if (records.length === 0) return block.encode();
  const extra = new Header();
  extra.type = "x";
  // Extracted only by programs that know no pax headers.
  extra.bytes(0, 100, Buffer.concat([Buffer.from("PaxHeaders/"), baseOf(entry.name).subarray(0, 80)]));
  extra.number(100, 8, 0o644);
  extra.number(124, 12, records.length);
  const padding = new Uint8Array((BLOCK - (records.length % BLOCK)) % BLOCK);
  return Buffer.concat([extra.encode(), records, padding, block.encode()]);
}

function baseOf(name: Uint8Array): Uint8Array {
  return name.subarray(name.lastIndexOf(0x2f) + 1);
}

/** One ustar header block. */
class Header {
  readonly #block = Buffer.alloc(BLOCK);
  type = "0";

  bytes(at: number, length: number, value: Uint8Array): void {
    this.#block.set(value.subarray(0, length), at);
  }

  /** Octal with NUL at the end; in base 256, as GNU tar does, where that does not fit (device numbers). */
  number(at: number, length: number, value: number): void {
    const octal = value.toString(8);
    if (octal.length < length) {
      this.#block.write(octal.padStart(length - 1, "0"), at, "latin1");
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
    block.write(this.type, 156, "latin1");
    block.write("ustar\x0000", 257, "latin1");
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
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

  /** The field's value; text that is too long or not ASCII becomes a record. */
  text(key: string, value: Uint8Array, most: number): Uint8Array {
    if (value.length <= most && value.every((byte) => byte > 0 && byte < 0x80)) return value;
    if (!isUtf8(value)) this.#binary = true;
    this.add(Buffer.from(key), value);
    // For programs that know no pax headers.
    return value.subarray(0, most);
  }

  /** The field's value; a number that is too large becomes a record. */
  number(key: string, value: number, most: number): number {
    if (value <= most) return value;
    this.add(Buffer.from(key), Buffer.from(String(value)));
    return 0;
  }

  /** The field's value, in seconds; fractions, and times before 1970 or far ahead, become a record. */
  time(ns: bigint | undefined): number {
    const billion = 1_000_000_000n;
    const exact = ns ?? 0n;
    const fits = exact >= 0n && exact % billion === 0n && exact / billion <= 0o77777777777n;
    if (fits) return Number(exact / billion);
    const absolute = exact < 0n ? -exact : exact;
    const fraction = String(absolute % billion)
      .padStart(9, "0")
      .replace(/0+$/, "");
    const text = `${exact < 0n ? "-" : ""}${absolute / billion}${fraction && `.${fraction}`}`;
    this.add(Buffer.from("mtime"), Buffer.from(text));
    const seconds = exact / billion;
    return seconds >= 0n && seconds <= 0o77777777777n ? Number(seconds) : 0;
  }

  encode(): Uint8Array {
    const records = this.#records.map(([key, value]) => paxRecord(key, value));
    // Says that names are bytes, not UTF-8. Counts for the records after it.
    if (this.#binary) records.unshift(paxRecord(Buffer.from("hdrcharset"), Buffer.from("BINARY")));
    return Buffer.concat(records);
  }
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
export function paxRecord(key: Uint8Array, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} `), key, Buffer.from("="), value, Buffer.from("\n")]);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
