/** Formats that are known by their first bytes alone. @module */
import type { Identity } from "../../protocol/api.ts";
import { type Content, count, identity, startsWith, viewOf } from "./content.ts";

/** Where the magic stands if not at the start. */
type Format = [magic: string, format: string, title: string, at?: number];

const FORMATS: Format[] = [
  ["\xfd7zXZ\0", "xz", "xz compressed"],
  ["BZh", "bzip2", "bzip2 compressed"],
  ["\x28\xb5\x2f\xfd", "zstd", "zstd compressed"],
  ["\x37\xa4\x30\xec", "zstd-dictionary", "zstd dictionary"],
  ["\x04\x22\x4d\x18", "lz4", "LZ4 compressed"],
  ["LZIP", "lzip", "lzip compressed"],
  ["\x1f\x9d", "compress", "compress(1) compressed"],
  ["7z\xbc\xaf\x27\x1c", "7z", "7-Zip archive"],
  ["Rar!\x1a\x07", "rar", "RAR archive"],
  ["070701", "cpio", "cpio archive"],
  ["070702", "cpio", "cpio archive"],
  ["\xed\xab\xee\xdb", "rpm", "RPM package"],
  ["hsqs", "squashfs", "SquashFS file system"],
  ["\xe2\xe1\xf5\xe0", "erofs", "EROFS file system", 1024],
  ["\x53\xef", "ext4", "ext2/3/4 file system", 1080],
  ["QFI\xfb", "qcow2", "QEMU disk image"],
  ["CD001", "iso", "ISO 9660 file system", 32_769],
  ["%PDF-", "pdf", "PDF document"],
  ["%!PS", "postscript", "PostScript document"],
  ["{\\rtf", "rtf", "RTF document"],
  ["\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole", "Microsoft compound document"],
  ["wOFF", "woff", "web font (WOFF)"],
  ["wOF2", "woff2", "web font (WOFF2)"],
  ["\0\x01\0\0\0", "ttf", "TrueType font"],
  ["OTTO", "otf", "OpenType font"],
  ["ttcf", "ttc", "font collection"],
  ["\xde\x12\x04\x95", "mo", "message catalogue (gettext)"],
  ["\x95\x04\x12\xde", "mo", "message catalogue (gettext)"],
  ["\x1a\x01", "terminfo", "compiled terminfo entry"],
  ["\x1e\x02", "terminfo", "compiled terminfo entry"],
  ["PACK\0\0\0", "git-pack", "git pack"],
  ["\xfftOc", "git-index", "git pack index"],
  ["DIRC", "git-index", "git index"],
  ["\xfe\xed\xfe\xed", "jks", "Java key store"],
  ["\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", "sqlite-journal", "SQLite rollback journal"],
  ["\x37\x7f\x06\x82", "sqlite-wal", "SQLite write-ahead log"],
  ["\x37\x7f\x06\x83", "sqlite-wal", "SQLite write-ahead log"],
  ["\x61\x15\x06\x00", "bdb", "Berkeley DB (hash)", 12],
  ["\x62\x31\x05\x00", "bdb", "Berkeley DB (b-tree)", 12],
  ["glibc-ld.so.cache1.1", "ld-cache", "dynamic linker cache"],
  ["ld.so-1.7.0", "ld-cache", "dynamic linker cache"],
  ["OggS", "ogg", "Ogg media"],
  ["fLaC", "flac", "FLAC audio"],
  ["ID3", "mp3", "MP3 audio"],
  ["ftyp", "mp4", "MP4 media", 4],
  ["\x1a\x45\xdf\xa3", "matroska", "Matroska or WebM media"],
  ["PAR1", "parquet", "Parquet table"],
  ["ARROW1", "arrow", "Arrow table"],
  ["GGUF", "gguf", "GGUF model"],
  ["\x89HDF\r\n\x1a\n", "hdf5", "HDF5 data"],
  ["\x93NUMPY", "npy", "NumPy array"],
  ["-----BEGIN PGP", "pgp", "PGP, armoured"],
  ["\x99\x01", "pgp", "PGP key ring"],
];

/** What a file is by its first bytes. */
export function format(content: Content): Identity | undefined {
  const { head } = content;
  if (startsWith(head, "TZif")) return timezone(head);
  if (startsWith(head, "RIFF") && head.length >= 12) {
    const kind = String.fromCharCode(...head.subarray(8, 12));
    return identity("riff", kind === "WAVE" ? "WAVE audio" : kind === "AVI " ? "AVI video" : "RIFF media");
  }
  const found = FORMATS.find(([magic, , , at = 0]) => startsWith(head, magic, at));
  if (!found) return undefined;
  const [, id, title] = found;
  const version = /^%PDF-(\d\.\d)/.exec(String.fromCharCode(...head.subarray(0, 8)))?.[1];
  return identity(id, title, version ? [["Version", version]] : []);
}

/** tzfile(5): the counts of the header. */
function timezone(head: Uint8Array): Identity {
  const view = viewOf(head);
  const version = head[4] === 0 ? "1" : String.fromCharCode(head[4] ?? 0);
  return identity("tzif", "time zone", [
    ["Version", version],
    ["Transitions", count(view.getUint32(32))],
    ["Local time types", String(view.getUint32(36))],
    ["Leap seconds", String(view.getUint32(28))],
  ]);
}
