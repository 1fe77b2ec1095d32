/**
 * The public types of the package. Names follow Node's `fs/promises` and web types.
 * @module
 */

import type { Image } from "../image/image.js";
import type { Descriptor } from "../push/descriptor.js";
import type { BuildProgress, ZtocEntry } from "./build.js";

export type { BuildProgress, LayerProgress, ZtocEntry } from "./build.js";

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
  | "EINVAL"
  /** The library failed in the middle of something (no memory left, a bug). What was open is lost: open it again. */
  | "INTERNAL";

/** Credentials for one registry. `identityToken` is an OAuth2 refresh token, `registryToken` a Bearer token. */
export interface Credentials {
  username?: string | undefined;
  password?: string | undefined;
  identityToken?: string | undefined;
  registryToken?: string | undefined;
}

/**
 * Credentials, or a function that finds them for a registry host (`ghcr.io`, `localhost:5000`) and a repository of it
 * (`library/alpine`). Where it throws, the request goes on without credentials, and an error says so where some are wanted:
 * an {@link OcipeekError}'s message is told, others may quote a secret and are not.
 */
export type Auth =
  | Credentials
  | ((registry: string, repository: string) => Credentials | undefined | Promise<Credentials | undefined>);

/** Why it is this image of its index: the caller named the platform, it is the default one's, or the only image. */
export type PlatformBy = "asked" | "default" | "only";

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

/** A file's content as a stream of bytes; with back-pressure, and stopped by `cancel()`. */
export interface FileStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  /** The file's attributes, once it has been found. */
  readonly stats: Promise<Stats>;
  /** How the content is verified, once the file has been found. */
  readonly verified: Promise<Verification>;
}

/** How a layer is read. */
export interface LayerInfo {
  /** 0 the lowest. */
  index: number;
  /** Of the compressed layer. */
  digest: string;
  /** The layer's media type. */
  mediaType: string;
  /** Compressed size in bytes. */
  size: number;
  /** `ztoc`: lazily by SOCI, or by an index that was built here. `tar`: by ranges of an uncompressed tar. `whole`: fetched once. Others: lazily by that format. */
  read: "ztoc" | "tar" | "whole" | LazyFormat;
  /** What reads it, and how that was found. */
  reader: LayerReader;
  /** The layer's zTOC: the SOCI index's, or one that was built here. `spanSize` where the index says it, else once the zTOC was fetched. */
  ztoc?: {
    digest: string;
    size: number;
    spanSize?: number;
    /** Who vouches for it. */
    verified: IndexVoucher;
  };
}

/** A lazy format other than SOCI; or `zstd`, a plain zstd layer that is not fetched whole but streamed for each read. */
export type LazyFormat = "estargz" | "zstd-chunked" | "nydus" | "overlaybd" | "turbooci" | "zstd";

/** What reads a layer, and why. */
export interface LayerReader {
  /** `plain`: as it is, without anything that makes it lazy. */
  name: LazyFormat | "soci" | "plain";
  /**
   * `annotation` of the layer or image, the image's `index`, `referrers`, `named` by the caller, `built` here, or only its
   * `media-type`.
   */
  found: string;
  /**
   * Why what the layer's annotations say of a lazy format was set aside: it does not fit the layer, which other tools compress
   * anew without dropping them. The layer is read by its own digest then. Known once something of the layer was read.
   */
  setAside?: string;
}

/** The SOCI index that an image is read by. */
export interface SociInfo {
  /** Of the index's manifest. */
  digest: string;
  /** Of the index. */
  version: "v1" | "v2";
  /** How it was found: named by the caller, by the image's annotation, or listed as a referrer. */
  found: string;
  /** Who vouches for it. */
  verified: IndexVoucher;
  /** What built it, if it says so. */
  buildTool?: string;
  /** Digests of the layers that it covers. */
  layers: string[];
}

/** How a search for what is attached to an image went. That it failed keeps nobody from reading. */
export interface Discovery {
  /** The manifests that the registry lists, in its order: whoever may write to the repository decides that. */
  found: Descriptor[];
  /** Why the list, or the first thing on it that is of no use, could not be had. */
  failed?: { code: ErrorCode; message: string; digest?: string; status?: number };
}

/** An image's config (OCI image spec, `config.md`), as far as it is known. */
export interface ImageConfig {
  architecture?: string;
  os?: string;
  variant?: string;
  created?: string;
  author?: string;
  config?: {
    User?: string;
    Env?: string[];
    Cmd?: string[];
    Entrypoint?: string[];
    WorkingDir?: string;
    Labels?: Record<string, string>;
    ExposedPorts?: Record<string, unknown>;
    Volumes?: Record<string, unknown>;
    StopSignal?: string;
  };
  rootfs?: { type?: string; diff_ids?: string[] };
  history?: {
    created?: string;
    created_by?: string;
    author?: string;
    comment?: string;
    empty_layer?: boolean;
  }[];
}

/** One request, without credentials, query and fragment. */
export interface RequestRecord {
  /** Why: `ping`, `token`, `manifest`, `referrers`, `blob` or `range`. */
  purpose: string;
  /** The HTTP method, or `READ` for a local source. */
  method: string;
  /** URL or file. */
  target: string;
  /** Bytes asked for: from, and the first one not. */
  range?: [number, number];
  /** HTTP status; 0 where none came. */
  status: number;
  /** Bytes of body that arrived. */
  bytes: number;
}

/** Requests and bytes so far. */
export interface ReadStats {
  /** Requests, retries and redirects included. */
  requests: number;
  /** Bytes of bodies. */
  bytes: number;
  /** Requests that were sent again. */
  retries: number;
  /** Spans, metadata and blobs found in a cache. */
  cacheHits: number;
  /** Those looked for and not found. */
  cacheMisses: number;
  /** Bytes inflated. */
  inflated: number;
  /** Sum of the sizes of the image's layers, compressed. */
  imageBytes: number;
  /** The first 4,096 requests, in the order in which they were sent. */
  readonly log: RequestRecord[];
}

/**
 * A cache of verified bytes. What it gives back under a digest (`sha256:…`) is verified again. With `getRange` it is
 * also given packed zTOCs (`pack-v1:sha256:…`), of which one read takes a few kilobytes. Indexes that were built here are
 * kept by the digest of their layer (`index-v1:sha256:…`). Both carry checksums against damage, but no digest vouches for
 * them: only its owner may be able to write to a cache that has `getRange`, or is used with {@link OpenOptions.index}.
 *
 * What has no answer after the limit `maxCacheMs` (3,000; 0 waits for ever) counts as nothing, too; a cache for which that
 * is so twice in a row is not asked any more by that image.
 */
export interface Cache {
  /** The bytes of `key`, or nothing. What it throws counts as nothing. */
  get(key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Keeps the bytes of `key`. What it throws is ignored. */
  put(key: string, value: Uint8Array): Promise<void> | void;
  /**
   * Bytes `start` to `end` (not included) of the value of `key`: fewer where the value ends before, nothing where
   * there is none. Leave it out where it would have to load all of the value. What it throws counts as nothing.
   */
  getRange?(
    key: string,
    start: number,
    end: number,
  ): Promise<Uint8Array | undefined> | Uint8Array | undefined;
}

/** What `onProgress` is told, at most ten times a second and at the end of each operation. */
export interface Progress {
  /** Requests so far. */
  requests: number;
  /** Bytes of bodies so far. */
  bytes: number;
}

/** What an injected `fetch` is called with. */
export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  redirect: "follow" | "manual";
  signal: AbortSignal;
  /** A stream only in Node, of a large body that is written: with its length as a header, and `duplex`. */
  body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  duplex?: "half";
  credentials?: "omit";
  cache?: "no-store";
}

/** What of a `Response` is used. */
export interface FetchResponse {
  readonly status: number;
  /** Iterable over `[name, value]`. */
  readonly headers: object;
  /** A `ReadableStream` of bytes. */
  readonly body: object | null;
  readonly url?: string;
  readonly type?: string;
}

/** A folder that is read by functions of the caller: an OCI image layout, or an unpacked `docker save`. */
export interface LocalFolder {
  /** How errors call it. */
  readonly name: string;
  /**
   * Whether the files cannot change while the image is open, as those of a browser's `File`. Uncompressed layers are
   * then read where they lie once they were verified; else they are kept in memory.
   */
  readonly steady?: boolean | undefined;
  /** Size of a file, by its path below the folder (`blobs/sha256/…`); nothing where there is no such file. */
  size(path: string): Promise<number | undefined> | number | undefined;
  /** Exactly the bytes `start` to `end` (not included) of a file. */
  read(path: string, start: number, end: number): Promise<Uint8Array> | Uint8Array;
}

/** What {@link open} opens. */
export type ImageSource = string | URL | Blob | LocalFolder | ReadonlyMap<string, Blob>;

/** A `fetch` function, called with an absolute URL. Any platform's own fits. */
export type Fetch = { fetch(url: string, init: FetchInit): Promise<FetchResponse> }["fetch"];

/** Options of {@link open}. */
export interface OpenOptions {
  /**
   * `os/arch[/variant]`. Where none is named: that of {@link defaultPlatform}, else the only one that the index has;
   * {@link Image.platformBy} says which.
   */
  platform?: string | undefined;
  /** The platform where none is named: linux and this machine's architecture, where that is known, else `linux/amd64`. */
  defaultPlatform?: string | undefined;
  /** Credentials, for registries that want some. They go to this registry and its token service only. */
  auth?: Auth | undefined;
  /** Used in place of the global `fetch`. */
  fetch?: Fetch | undefined;
  /** Keeps verified bytes between images and runs. */
  cache?: Cache | undefined;
  /** Stops the opening. Each later operation takes a signal of its own. */
  signal?: AbortSignal | undefined;
  /** Told of requests and bytes as they come. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Digest of the SOCI index to use; `false` uses none. By default the one that the image's manifest names. */
  sociIndex?: string | false | undefined;
  /**
   * `true` looks for what is merely attached to the image, and reads by it: a SOCI index of version 1, or the image in the
   * format that `reader` names. Whoever may write to the repository can attach what shows other names, links and contents
   * than the layers have; results say `index: "attached"`. Never where the manifest names an index of its own.
   */
  attachedIndex?: boolean | undefined;
  /**
   * What to read the image by: `soci`, or the name of another lazy format, whose module is then loaded. By default what
   * its manifest tells, else SOCI, else its layers as they are.
   */
  reader?: "auto" | "soci" | LazyFormat | undefined;
  /**
   * What to do for layers that have no index. By default they are fetched whole when something of them is wanted, unless
   * the `cache` has `getRange` and keeps an index that was built before.
   *
   * - `build`: their indexes are built then, which streams them once (up to the limit `maxBuildLayerSize`) and needs
   *   little memory, and kept in the `cache`; zstd layers, of which there can be none, are fetched whole.
   * - `kept`: the `cache`, whatever it is, is trusted with indexes that were built before.
   */
  index?: "build" | "kept" | undefined;
  /** With `index: "build"`: layers of up to so many bytes are fetched whole all the same. 0 by default. */
  indexAbove?: number | undefined;
  /** Told how far the building of an index is that a read waits for, at most ten times a second. */
  onIndexing?: ((progress: BuildProgress) => void) | undefined;
  /** `false` skips the checks of spans and headers, and allows ranged reads of layers that cannot be verified. Results say so. */
  verify?: boolean | undefined;
  /** Named limits of the library, by their names in camel case, e.g. `maxWholeLayerSize`, or `maxIdleMs` (30,000): after so long without bytes a try has failed. */
  limits?: Record<string, number> | undefined;
  /**
   * Plain `http` to this registry. By default `https`, but a registry on this machine (loopback) that speaks no TLS is
   * reached without; it is asked once. Credentials go over plain `http` to loopback only.
   */
  plainHttp?: boolean | undefined;
  /** Hosts besides the registry's own that its Bearer challenge may name as token service and that may get the credentials. */
  tokenHosts?: string[] | undefined;
  /** Which image of a layout, where its URL or file names none: a tag, or a digest `sha256:…`. */
  tag?: string | undefined;
}

/** Options that every operation takes. */
export interface OperationOptions {
  /** Stops it and its requests; the promise is rejected with `ABORTED`. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link Image.indexLayer}. */
export interface IndexLayerOptions extends OperationOptions {
  /** Least bytes of the tar between two points at which reading can begin; 4 MiB by default. Less makes a larger index. */
  spanSize?: number | undefined;
}

/** How far the building of an index is. */
export interface IndexProgress {
  /** The layer's position in its image. */
  layer: number;
  /** The layer's digest. */
  digest: string;
  /** Bytes of the compressed layer so far. */
  bytes: number;
  /** Bytes of the compressed layer in all. */
  total: number;
  /** Entries so far. */
  entries: number;
  /** Spans so far. */
  spans: number;
  /** Bytes per second, over the last seconds. */
  bytesPerSecond: number;
  /** Seconds left at that rate; absent where there is no telling. */
  etaSeconds?: number;
  /** Entries that were found since the last news, in tar order: nothing vouches for them before the end. */
  newEntries: ZtocEntry[];
  /** Whether the job pauses. */
  paused: boolean;
}

/**
 * The building of a layer's index; see {@link Image.indexLayer}. A loop over it is told how far it is, at most ten times a
 * second, and of each entry from its start on; it ends with the job, and throws what {@link done} is rejected with.
 */
export interface IndexJob extends AsyncIterable<IndexProgress> {
  /** The layer as it is read then. */
  readonly done: Promise<LayerInfo>;
  /** Whether it pauses. */
  readonly paused: boolean;
  /** Takes no more bytes until {@link resume}. Others who wait for the same layer are not held up. */
  pause(): void;
  /** Goes on. */
  resume(): void;
  /** Stops it: {@link done} is rejected with `ABORTED`. */
  cancel(): void;
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
   * slash it is matched with names anywhere, with one with the path below the folder. Folders in which nothing can
   * match are not read.
   */
  glob?: string | undefined;
}
