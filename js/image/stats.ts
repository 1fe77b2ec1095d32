import type { RawStat } from "../../wasm/ocipeek.js";
import { isUtf8, latin1 } from "../common/bytes.js";
import { baseName } from "../path.js";
import { decode } from "../text.js";
import type { Dirent, EntryType, Stats, Verification, Whiteout } from "../types/index.js";

/** Entry of a type, with the questions that Node asks. */
class Typed {
  readonly type: EntryType;

  constructor(type: EntryType) {
    this.type = type;
  }

  isFile(): boolean {
    return this.type === "file";
  }
  isDirectory(): boolean {
    return this.type === "directory";
  }
  isSymbolicLink(): boolean {
    return this.type === "symlink";
  }
}

/** {@link Stats} of what wasm gave, as fields of its own but for extended attributes. */
export class StatsOf extends Typed implements Stats {
  readonly #raw: RawStat;
  readonly path: string;
  readonly pathBytes: Uint8Array;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly mtime: Date;
  readonly mtimeMs: number;
  readonly mtimeNs: bigint | undefined;
  readonly nlink: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly linkname: string | undefined;
  readonly linknameBytes: Uint8Array | undefined;
  readonly hardlinkOf: string | undefined;
  readonly hardlinkOfBytes: Uint8Array | undefined;
  readonly layer: number;
  readonly whiteout: Whiteout | undefined;
  readonly verified: Verification;

  constructor(raw: RawStat) {
    super(raw.type);
    const { mtimeSecs: seconds, mtimeNanos: nanos } = raw;
    this.#raw = raw;
    this.path = decode(raw.path);
    this.pathBytes = raw.path;
    this.size = raw.size;
    this.mode = raw.mode;
    this.uid = raw.uid;
    this.gid = raw.gid;
    this.uname = decode(raw.uname);
    this.gname = decode(raw.gname);
    this.mtimeMs = seconds === undefined ? Number.NaN : Number(seconds) * 1e3 + nanos / 1e6;
    this.mtime = new Date(this.mtimeMs);
    this.mtimeNs = seconds === undefined ? undefined : seconds * 1_000_000_000n + BigInt(nanos);
    this.nlink = raw.nlink;
    this.devMajor = raw.devMajor;
    this.devMinor = raw.devMinor;
    this.linkname = raw.linkname && decode(raw.linkname);
    this.linknameBytes = raw.linkname;
    this.hardlinkOf = raw.hardlinkOf && decode(raw.hardlinkOf);
    this.hardlinkOfBytes = raw.hardlinkOf;
    this.layer = raw.layer;
    this.whiteout = raw.whiteout;
    this.verified = raw.verified;
  }

  // Made when asked for: an image may have millions.
  get xattrs(): Map<string, Uint8Array> {
    return new Map(this.xattrsBytes.map(([name, value]) => [decode(name), value]));
  }
  get xattrsBytes(): [Uint8Array, Uint8Array][] {
    return unpack(this.#raw.xattrs);
  }

  /** What `JSON.stringify` shows: all fields; bytes that are not UTF-8 and xattrs in base64. */
  toJSON(): Record<string, unknown> {
    const raw = this.#raw;
    const { type, size, mode, uid, gid, uname, gname, nlink, layer, verified } = this;
    const device = type === "char-device" || type === "block-device";
    const pairs = this.xattrsBytes.map(([name, value]) => [decode(name), toBase64(value)]);
    return {
      path: this.path,
      ...base64Unless("pathBase64", raw.path),
      ...{ type, size, mode, uid, gid, uname, gname },
      mtime: isoTime(raw),
      nlink,
      ...(device ? { devMajor: raw.devMajor, devMinor: raw.devMinor } : {}),
      ...(raw.linkname ? { linkname: this.linkname, ...base64Unless("linknameBase64", raw.linkname) } : {}),
      ...(raw.hardlinkOf ? { hardlinkOf: this.hardlinkOf } : {}),
      ...(raw.xattrs ? { xattrs: Object.fromEntries(pairs) } : {}),
      layer,
      ...(this.whiteout ? { whiteout: this.whiteout } : {}),
      verified,
    };
  }
}

/** {@link Dirent} over what wasm gave. */
export class DirentOf extends Typed implements Dirent {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly parentPath: string;
  /** The entry's own attributes (`lstat`): a folder's listing knows them anyway. */
  readonly stats: Stats;

  constructor(raw: RawStat, parentPath: string) {
    super(raw.type);
    this.nameBytes = baseName(raw.path);
    this.name = decode(this.nameBytes);
    this.parentPath = parentPath;
    this.stats = new StatsOf(raw);
  }
}

/** Extended attributes out of the one piece that wasm gives. */
function unpack(packed: Uint8Array | undefined): [Uint8Array, Uint8Array][] {
  const list: [Uint8Array, Uint8Array][] = [];
  if (!packed) return list;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < packed.length; ) {
    const name = at + 8;
    const value = name + view.getUint32(at, true);
    const end = value + view.getUint32(at + 4, true);
    list.push([packed.slice(name, value), packed.slice(value, end)]);
    at = end;
  }
  return list;
}

function base64Unless(key: string, bytes: Uint8Array): Record<string, string> {
  return isUtf8(bytes) ? {} : { [key]: toBase64(bytes) };
}

function toBase64(bytes: Uint8Array): string {
  return btoa(latin1(bytes));
}

/** RFC 3339 with all nine digits of the fraction; `null` where unknown or past what a `Date` holds. */
function isoTime(raw: RawStat): string | null {
  if (raw.mtimeSecs === undefined) return null;
  const date = new Date(Number(raw.mtimeSecs) * 1000);
  if (Number.isNaN(date.getTime())) return `@${raw.mtimeSecs}.${String(raw.mtimeNanos).padStart(9, "0")}`;
  const fraction =
    raw.mtimeNanos === 0 ? "" : `.${String(raw.mtimeNanos).padStart(9, "0").replace(/0+$/, "")}`;
  return date.toISOString().replace(".000Z", `${fraction}Z`);
}
