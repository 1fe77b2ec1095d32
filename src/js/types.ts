/**
 * The public types of the package. Names follow Node's `fs/promises` and web types.
 * @module
 */

/** A path in an image: a string (UTF-8) or raw bytes. Relative paths start at the root. */
export type ImagePath = string | Uint8Array;

/** The stable error codes. */
export type ErrorCode =
  | "NOT_FOUND"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "RATE_LIMITED"
  | "RANGE_NOT_SUPPORTED"
  | "DIGEST_MISMATCH"
  | "CORRUPT_MANIFEST"
  | "CORRUPT_ZTOC"
  | "CORRUPT_LAYER"
  | "LIMIT_EXCEEDED"
  | "UNSUPPORTED"
  | "ABORTED"
  | "NETWORK"
  | "INVALID_REFERENCE"
  | "INVALID_ARGUMENT"
  | "ENOENT"
  | "ENOTDIR"
  | "EISDIR"
  | "ELOOP"
  | "EINVAL";

/** Credentials for one registry. `identityToken` is an OAuth2 refresh token, `registryToken` a Bearer token. */
export interface Credentials {
  username?: string;
  password?: string;
  identityToken?: string;
  registryToken?: string;
}

/** Credentials, or a function that finds them for a registry host (`ghcr.io`, `localhost:5000`). */
export type Auth =
  | Credentials
  | ((registry: string) => Credentials | undefined | Promise<Credentials | undefined>);

/** The type of an entry. */
export type EntryType = "file" | "directory" | "symlink" | "char-device" | "block-device" | "fifo";

/** How what was returned has been verified. */
export interface Verification {
  /** How the manifest chain was checked: every manifest against its digest, starting from a digest that the caller gave or from what the registry said of the tag. */
  manifest: "digest" | "tag";
  /** What vouches for names, sizes and attributes. */
  metadata: "ztoc-digest" | "layer-digest" | "none";
  /** What vouches for content. */
  content: "span-digest" | "layer-digest" | "none";
  /** Whether the file's own tar header is compared with the zTOC before its first byte is given out. */
  header: boolean;
}

/** Attributes of one path. Times are in milliseconds; `mtimeNs` is exact. */
export interface Stats {
  /** Where the path leads, links resolved in its folders (and at its end for `stat`). */
  path: string;
  /** The same as raw bytes. */
  pathBytes: Uint8Array;
  type: EntryType;
  /** Bytes of content; 0 for what has none. */
  size: number;
  /** Permission bits, set-id and sticky: `0o7777`. */
  mode: number;
  uid: number;
  gid: number;
  uname: string;
  gname: string;
  /** Milliseconds since the epoch; NaN where unknown. */
  mtimeMs: number;
  /** Nanoseconds since the epoch; undefined where unknown. */
  mtimeNs: bigint | undefined;
  /** Names of this file in its layer. */
  nlink: number;
  devMajor: number;
  devMinor: number;
  /** A symbolic link's target. */
  linkname?: string;
  /** The same as raw bytes. */
  linknameBytes?: Uint8Array;
  /** The first name of a file with several names in its layer, where this is another of them. */
  hardlinkOf?: string;
  /** Extended attributes. */
  xattrs: Map<string, Uint8Array>;
  /** Index of the layer that it comes from, 0 the lowest; -1 for a folder that no layer lists. */
  layer: number;
  verified: Verification;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** An entry of a folder. */
export interface Dirent {
  name: string;
  nameBytes: Uint8Array;
  /** The folder it is in, as asked for. */
  parentPath: string;
  type: EntryType;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** What `walk` gives: a path below the folder asked for, with its attributes (`lstat`). */
export type WalkEntry = Stats;

/** How a layer is read. */
export interface LayerInfo {
  index: number;
  digest: string;
  mediaType: string;
  /** Compressed size in bytes. */
  size: number;
  /** `ztoc`: lazily by SOCI. `tar`: by ranges of an uncompressed tar. `whole`: fetched once. */
  read: "ztoc" | "tar" | "whole";
  /** Of the layer's zTOC. */
  ztoc?: { digest: string; size: number; spanSize?: number };
}

/** Requests and bytes so far. */
export interface ReadStats {
  requests: number;
  bytes: number;
  retries: number;
  cacheHits: number;
  cacheMisses: number;
  inflated: number;
  /** Sum of the sizes of the image's layers, compressed. */
  imageBytes: number;
  log: { purpose: string; method: string; target: string; range?: [number, number]; status: number; bytes: number }[];
}

/** A cache of verified bytes by digest key. What it gives back is verified again. */
export interface Cache {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
}

/** What `onProgress` is told, at most ten times a second. */
export interface Progress {
  requests: number;
  bytes: number;
}

/** Options of {@link open}. */
export interface OpenOptions {
  /** `os/arch[/variant]`; the host's by default (linux and this machine's architecture), else linux/amd64. */
  platform?: string;
  auth?: Auth;
  /** Used in place of the global `fetch`. */
  fetch?: typeof fetch;
  cache?: Cache;
  signal?: AbortSignal;
  onProgress?: (p: Progress) => void;
  /** Digest of the SOCI index to use; `false` uses none. Found by the image's annotation or referrers by default. */
  sociIndex?: string | false;
  /** `false` skips the checks of spans and headers, and allows ranged reads of layers that cannot be verified. Results say so. */
  verify?: boolean;
  /** Named limits of the library, by their names in camel case, e.g. `maxWholeLayerSize`. */
  limits?: Record<string, number>;
  /** Allow plain `http` to this registry although it is not loopback. */
  plainHttp?: boolean;
  /** Hosts besides the registry's own that its Bearer challenge may name as token service and that may get the credentials. */
  tokenHosts?: string[];
}

/** Options of reads. `end` is exclusive. */
export interface ReadOptions {
  start?: number;
  end?: number;
  signal?: AbortSignal;
}
