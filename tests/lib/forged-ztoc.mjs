// zTOCs with single bytes changed, each of a named kind: where the format (FlatBuffers, see src/ztoc/ztoc.fbs) keeps what.

/** Slots of `FileMetadata` that hold a string. */
const STRINGS = { name: 0, type: 1, linkname: 4, uname: 8, gname: 9, mod_time: 10 };
/** Those that hold a number, and how many bytes it has. */
const NUMBERS = {
  uncompressed_offset: [2, 8],
  uncompressed_size: [3, 8],
  mode: [5, 8],
  uid: [6, 4],
  gid: [7, 4],
  devmajor: [11, 8],
  devminor: [12, 8],
};
const RECORD = 17 + 32768;

class Buffers {
  constructor(bytes) {
    this.bytes = bytes;
  }
  /** What the offset at `at` leads to. */
  follow(at) {
    return at + this.bytes.readUInt32LE(at);
  }
  /** Where a table's field is, if it has it. */
  field(table, slot) {
    const vtable = table - this.bytes.readInt32LE(table);
    if (4 + 2 * slot >= this.bytes.readUInt16LE(vtable)) return undefined;
    const offset = this.bytes.readUInt16LE(vtable + 4 + 2 * slot);
    return offset === 0 ? undefined : table + offset;
  }
  /** Where a vector's or string's first element is, and how many there are. */
  vector(field) {
    const at = this.follow(field);
    return { start: at + 4, length: this.bytes.readUInt32LE(at) };
  }
}

/**
 * All kinds of forgeries of a zTOC of a gzip layer: by the name of the field that is changed, the changed zTOC.
 * @param {Buffer} ztoc
 * @returns {Map<string, Buffer>}
 */
export function forgeries(ztoc) {
  const b = new Buffers(ztoc);
  const root = b.follow(0);
  const metadata = b.vector(b.field(b.follow(b.field(root, 4)), 0));
  const entries = Array.from({ length: metadata.length }, (_, i) => b.follow(metadata.start + 4 * i));
  const info = b.follow(b.field(root, 5));
  const digests = b.vector(b.field(info, 2));
  const checkpoints = b.vector(b.field(info, 3));
  const forged = new Map();
  const forge = (name, change) => {
    const copy = Buffer.from(ztoc);
    change(copy);
    forged.set(name, copy);
  };
  const flip =
    (at, mask = 1) =>
    (copy) => {
      copy[at] ^= mask;
    };
  for (const [name, slot] of Object.entries(STRINGS)) {
    const field = entries
      .map((table) => b.field(table, slot))
      .findLast((at) => at && b.vector(at).length > 2);
    if (field === undefined) continue;
    const { start, length } = b.vector(field);
    // A time stays one: its last digit but one of the seconds.
    const at = name === "mod_time" ? ztoc.indexOf(":", start) + 1 : start + length - 1;
    forge(name, flip(at, name === "mod_time" ? 1 : 2));
  }
  for (const [name, [slot]] of Object.entries(NUMBERS)) {
    const field = entries.map((table) => b.field(table, slot)).findLast((at) => at && ztoc[at] > 1);
    if (field !== undefined) forge(name, flip(field));
  }
  const records = entries.map((table) => b.field(table, 13)).find((at) => at && b.vector(at).length > 0);
  if (records !== undefined) {
    const record = b.follow(b.vector(records).start);
    forge("xattrs", flip(b.vector(b.field(record, 0)).start + 1));
  }
  forge("version", flip(b.vector(b.field(root, 0)).start));
  forge("compressed_archive_size", flip(b.field(root, 2)));
  forge("uncompressed_archive_size", flip(b.field(root, 3) + 1));
  forge("order", (copy) => {
    const [one, two] = [metadata.start + 4 * 2, metadata.start + 4 * 3];
    copy.writeUInt32LE(entries[3] - one, one);
    copy.writeUInt32LE(entries[2] - two, two);
  });
  forge("entry", (copy) => copy.writeUInt32LE(metadata.length - 1, metadata.start - 4));
  forge("span_digests", flip(b.vector(digests.start).start + 7, 4));
  const second = checkpoints.start + 12 + RECORD;
  for (const [name, at] of Object.entries({ in: 0, out: 8, bits: 16, window: 17 + 20_000 }))
    forge(name, flip(second + at));
  forge("window, last byte", flip(second + RECORD - 1));
  return forged;
}
