/** Files of an image: attributes, content, options of reads. @module */
import type { OperationOptions } from "./operation.js";

/** A path in an image: a string (UTF-8) or raw bytes. Relative paths start at the root. */
export type ImagePath = string | Uint8Array;

/** The type of an entry. */
export type EntryType = "file" | "directory" | "symlink" | "char-device" | "block-device" | "fifo";

/**
 * Who vouches for an index: the `image`'s own manifest, which names its digest; the caller, who `named` its digest; we, as it
 * was built here of bytes that had the layer's digest (`own`), or was compared with such a one and found equal (`checked`);
 * or nobody but who may write to the repository, as it is merely `attached` to the image.
 */
export type IndexVoucher = "image" | "named" | "own" | "checked" | "attached";

/** How what was returned has been verified. */
export interface Verification {
  /** How the manifest chain was checked: every manifest against its digest, starting from a digest that the caller gave or from what the registry said of the tag. `computed`: the archive of `docker save` names the image's config otherwise than by its digest, so that this was computed of what is there. */
  manifest: "digest" | "tag" | "computed";
  /**
   * What vouches for names, sizes and attributes. `own-index`: an index that was built here of bytes that had the layer's
   * digest, and perhaps kept in the cache since.
   */
  metadata: "ztoc-digest" | "layer-digest" | "toc-digest" | "own-index" | "crc" | "none";
  /** What vouches for content. `crc`: checksums, which find damage and no forgery. */
  content: "span-digest" | "layer-digest" | "chunk-digest" | "crc" | "none";
  /** Whether the file's own tar header is compared with the zTOC before its first byte is given out. */
  header: boolean;
  /**
   * Who vouches for the index by which it was found and read. In the image's tree that is the weakest of all layers', as the
   * index of one layer can hide or show files of any other; in one layer's tree that layer's. Absent where no index has a
   * say: then what the other fields name vouches alone. `attached`: whoever may write to the repository could have made up
   * names, links, contents and what is missing; only with {@link OpenOptions.attachedIndex}.
   */
  index?: IndexVoucher;
}

/** Kind of a whiteout: what an entry of a layer removes; see {@link Stats.whiteout}. */
export type Whiteout = "whiteout" | "opaque";

/** Attributes of one path, after Node's `fs.Stats`. `JSON.stringify` shows all of them. */
export interface Stats {
  /** Where the path leads: absolute, links resolved in its folders (and at its end for `stat`). */
  readonly path: string;
  /** The same as raw bytes. */
  readonly pathBytes: Uint8Array;
  /** What it is. */
  readonly type: EntryType;
  /** Bytes of content; 0 for what has none. */
  readonly size: number;
  /** Permission bits, set-id and sticky: `0o7777`. */
  readonly mode: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Owner's name as the image's builder knew it, or empty. */
  readonly uname: string;
  /** Group's name as the image's builder knew it, or empty. */
  readonly gname: string;
  /** An invalid date where unknown. */
  readonly mtime: Date;
  /** Milliseconds since the epoch; NaN where unknown. */
  readonly mtimeMs: number;
  /** Nanoseconds since the epoch, exact; undefined where unknown. */
  readonly mtimeNs: bigint | undefined;
  /** Names of this file in its layer. */
  readonly nlink: number;
  /** A device's major number. */
  readonly devMajor: number;
  /** A device's minor number. */
  readonly devMinor: number;
  /** A symbolic link's target. */
  readonly linkname: string | undefined;
  /** The same as raw bytes. */
  readonly linknameBytes: Uint8Array | undefined;
  /** The first name of a file with several names in its layer, where this is another of them. */
  readonly hardlinkOf: string | undefined;
  /** The same as raw bytes. */
  readonly hardlinkOfBytes: Uint8Array | undefined;
  /** Extended attributes. */
  readonly xattrs: Map<string, Uint8Array>;
  /** The same with names as raw bytes. */
  readonly xattrsBytes: readonly [Uint8Array, Uint8Array][];
  /** Index of the layer that it comes from, 0 the lowest; -1 for a folder that no layer lists. */
  readonly layer: number;
  /**
   * In the view of one layer, what the entry removes of the layers below: `whiteout` the name behind its `.wh.`, `opaque` all
   * that its folder holds there. Absent where it removes nothing.
   */
  readonly whiteout?: Whiteout | undefined;
  /** How all this was verified. */
  readonly verified: Verification;
  /** Whether it is a regular file. */
  isFile(): boolean;
  /** Whether it is a directory. */
  isDirectory(): boolean;
  /** Whether it is a symbolic link. */
  isSymbolicLink(): boolean;
}

/** An entry of a folder, after Node's `fs.Dirent`. */
export interface Dirent {
  /** Its name in the folder. */
  readonly name: string;
  /** The same as raw bytes. */
  readonly nameBytes: Uint8Array;
  /** The folder it is in, as asked for. */
  readonly parentPath: string;
  /** What it is. */
  readonly type: EntryType;
  /** Its own attributes, as `lstat` gives them: they come with the listing. */
  readonly stats: Stats;
  /** Whether it is a regular file. */
  isFile(): boolean;
  /** Whether it is a directory. */
  isDirectory(): boolean;
  /** Whether it is a symbolic link. */
  isSymbolicLink(): boolean;
}

/** A file's content with what is known of it. */
export interface ReadResult {
  /** The content, or the part of it that was asked for. */
  data: Uint8Array<ArrayBuffer>;
  /** The file's attributes. */
  stats: Stats;
  /** How the content was verified; the same as `stats.verified`. */
  verified: Verification;
}

/**
 * A file's content as a stream of bytes; with back-pressure, and stopped by `cancel()`. Readers may bring buffers of their
 * own (`mode: "byob"`), but not in WebKit, which has no byte streams.
 */
export interface FileStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  /** The file's attributes, once it has been found. */
  readonly stats: Promise<Stats>;
  /** How the content is verified, once the file has been found. */
  readonly verified: Promise<Verification>;
}

/** Options of reads. */
export interface ReadOptions extends OperationOptions {
  /** First byte. */
  start?: number | undefined;
  /** The first byte that is not read (unlike that of Node's `createReadStream`, which is the last one read). */
  end?: number | undefined;
}

/** Options of {@link FileTree.walk}. */
export interface WalkOptions extends OperationOptions {
  /**
   * Give only what matches: `*`, `?`, `[a-z]`, `{a,b}` within a name and `**` over any number of folders. Without a
   * slash it is matched with names anywhere, with one with the path below the folder; see
   * https://github.com/ocipeek/ocipeek/blob/main/docs/globs.md. Folders in which nothing can match are not read.
   */
  glob?: string | undefined;
}
