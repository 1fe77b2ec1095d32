import type { RawEntry } from "../../wasm/ocipeek_build.js";
import { decode } from "../text.js";
import type { ZtocEntry } from "../types/build.js";

/** Entries that wasm is asked for at a time. */
export const BATCH = 1024;

/** {@link ZtocEntry} over what wasm gave; text is decoded when asked for. */
export class EntryOf implements ZtocEntry {
  readonly #raw: RawEntry;
  readonly type: ZtocEntry["type"];
  readonly size: number;
  readonly offset: number;
  readonly headerOffset: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number | undefined;
  readonly devMajor: number;
  readonly devMinor: number;

  constructor(raw: RawEntry) {
    this.#raw = raw;
    this.type = raw.type;
    this.size = raw.size;
    this.offset = raw.offset;
    this.headerOffset = raw.headerOffset;
    this.mode = raw.mode;
    this.uid = raw.uid;
    this.gid = raw.gid;
    this.mtimeMs = raw.mtimeMs;
    this.devMajor = raw.devMajor;
    this.devMinor = raw.devMinor;
  }

  get name(): string {
    return decode(this.#raw.name);
  }
  get nameBytes(): Uint8Array {
    return this.#raw.name;
  }
  get uname(): string {
    return decode(this.#raw.uname);
  }
  get gname(): string {
    return decode(this.#raw.gname);
  }
  get linkname(): string | undefined {
    return this.#raw.linkname && decode(this.#raw.linkname);
  }
  get linknameBytes(): Uint8Array | undefined {
    return this.#raw.linkname;
  }
  get xattrs(): ZtocEntry["xattrs"] {
    return this.#raw.xattrs;
  }
  get whiteout(): ZtocEntry["whiteout"] {
    return this.#raw.whiteout;
  }

  /** All of it, for `JSON.stringify`. */
  toJSON(): Record<string, unknown> {
    const { name, type, size, offset, headerOffset, mode, uid, gid, uname, gname, mtimeMs, linkname } = this;
    const { devMajor, devMinor } = this;
    const xattrs = Object.fromEntries(this.xattrs.map(([key, value]) => [decode(key), decode(value)]));
    const place = { name, type, size, offset, headerOffset };
    const owner = { mode, uid, gid, uname, gname };
    return { ...place, ...owner, mtimeMs, linkname, devMajor, devMinor, xattrs };
  }
}
