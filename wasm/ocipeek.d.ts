/**
 * What `wasm-bindgen --target web` makes of the classes in this folder, as far as the package uses it. Written by
 * hand: the generated types need the DOM's, and say `any` where these are exact.
 * @module
 */

/** Settles when the operation shall stop. Must settle at last in any case, or memory is held. */
type Stop = Promise<unknown> | undefined;

/** An error as wasm rejects with it. */
export interface RawError {
  code: string;
  what: string;
  reference?: string;
  digest?: string;
  path?: Uint8Array;
  offset?: number;
  limit?: string;
  allowed?: number;
  remedies?: import("../js/types/index.js").Remedy[];
  status?: number;
  retryAfter?: number;
  cause?: unknown;
}

export interface RawStat {
  path: Uint8Array;
  type: import("../js/types/index.js").EntryType;
  size: number;
  mode: number;
  uid: number;
  gid: number;
  uname: Uint8Array;
  gname: Uint8Array;
  mtimeSecs?: bigint;
  mtimeNanos: number;
  nlink: number;
  devMajor: number;
  devMinor: number;
  linkname?: Uint8Array;
  hardlinkOf?: Uint8Array;
  /** In one piece: lengths of name and value (little-endian, 32 bits), name, value, and so on. Absent where there are none. */
  xattrs?: Uint8Array;
  layer: number;
  whiteout?: import("../js/types/index.js").Whiteout;
  verified: import("../js/types/index.js").Verification;
}

export interface RawChange extends RawStat {
  change: import("../js/types/index.js").Change["change"];
  replaced?: RawStat;
}

export interface RawLayer extends Omit<import("../js/types/index.js").LayerInfo, "reader"> {
  /** The format that it is in, if any, and how that was found. */
  format?: { name: string; found: string };
  /** Why that was set aside. */
  setAside?: string;
}

/** How a search for what is attached went. */
export interface RawDiscovery {
  found: import("../js/types/content.js").Descriptor[];
  failed?: RawError;
}

/** A folder or an archive that JavaScript reads. `path` is empty for an archive. */
export type LocalFiles = import("../js/types/index.js").LocalFolder & {
  /** Each `read` gives a buffer of its own, which may be freed. */
  fresh?: boolean;
  /** Of an archive: tells its states apart, once its size was asked for. */
  readonly version?: string;
  /** Of an archive: keeps what is found in it, where it is compressed. */
  kept?: { get(key: string): unknown; put(key: string, value: Uint8Array): unknown };
};

export type SourceSpec =
  | { kind: "registry"; reference: string; scheme?: "http" | "https" }
  | { kind: "url"; url: string; tag?: string }
  | { kind: "folder" | "archive" | "saved"; files: LocalFiles; tag?: string };

export interface Host {
  fetch?: unknown;
  browser: boolean;
  /** Whether no reader waits for what another one began. */
  isolated?: boolean;
  onTransfer?: (requests: number, bytes: number) => void;
  /** Told of work that goes on beside what is asked for. */
  onWork?: (work: Promise<unknown>) => void;
  /** Images with one key share what is known of them. */
  sharing?: string;
  /** Whether openings of that key that are under way at the same time are one. */
  joins?: boolean;
  credentials?: { get(registry: string, repository: string): unknown };
  cache?: { get(key: string): unknown; put(key: string, value: Uint8Array): unknown };
  /** Of the module of the other formats: what the base module knew. */
  known?: Elsewhere["known"];
  /** For `index: "build"`. */
  indexer?: {
    build(
      layer: { digest: string; size: number },
      signal: AbortSignal,
    ): Promise<{ ztoc: Uint8Array; layerDigest: string }>;
  };
}

/** In place of what would be opened: it takes the module of the other formats. */
export interface Elsewhere {
  /** The error where there is no such module. */
  why: RawError;
  /** What that goes on from, and what it cost. Absent where it begins anew. */
  known?: Spent & Record<string, unknown>;
}

/** What reading has cost. */
export interface Spent {
  counters: Record<"requests" | "bytes" | "retries" | "cacheHits" | "cacheMisses" | "inflated", number>;
  requests: import("../js/types/index.js").RequestRecord[];
}

export interface RawOptions {
  platform?: string;
  defaultPlatform?: string;
  sociIndex?: string;
  attachedIndex?: boolean;
  reader?: string;
  index?: "build" | "kept";
  indexAbove?: number;
  verify?: boolean;
  limits?: Record<string, number>;
  plainHttp?: boolean;
  httpsOnly?: boolean;
  tokenHosts?: string[];
  push?: boolean;
  mountFrom?: string[];
}

declare class Freed {
  free(): void;
}

export class WasmImage extends Freed {
  readonly name: string;
  readonly digest: string;
  readonly indexDigest: string | undefined;
  readonly platform: string | undefined;
  readonly platformBy: import("../js/types/index.js").PlatformBy | undefined;
  readonly platforms: string[];
  layers(): RawLayer[];
  soci(): import("../js/types/index.js").SociInfo | undefined;
  discovery(): RawDiscovery | undefined;
  annotations(): Record<string, string>;
  counters(): Spent["counters"];
  requests(): Spent["requests"];
  config(stop: Stop): Promise<import("../js/types/index.js").ImageConfig>;
  reader(options: Pick<RawOptions, "limits">, host: Host): WasmImage;
  allowInflated(bytes: number): void;
  prefetch(stop: Stop): Promise<void>;
  findKeptIndexes(stop: Stop): Promise<void>;
  findAttachedIndexes(stop: Stop): Promise<RawDiscovery>;
  layerStream(layer: number, start: number, stop: Stop): Promise<BlobCursor>;
  useIndex(layer: number, ztoc: Uint8Array, layerDigest: string, stop: Stop): Promise<void>;
  readonly isMerged: boolean;
  /** Absent where there is no such layer, or the image's format makes one tree of its layers. */
  changes(index: number): WalkCursor<RawChange> | undefined;
  root(): Tree;
  layer(index: number): Tree | undefined;
}

export class Tree extends Freed {
  stat(path: Uint8Array, follow: boolean, stop: Stop): Promise<RawStat>;
  readFile(
    path: Uint8Array,
    start: number | undefined,
    end: number | undefined,
    stop: Stop,
  ): Promise<{ stat: RawStat; data: Uint8Array<ArrayBuffer> }>;
  readStream(
    path: Uint8Array,
    start: number | undefined,
    end: number | undefined,
    stop: Stop,
  ): Promise<FileCursor>;
  readSparse(path: Uint8Array, stop: Stop): Promise<{ runs: number[]; data: FileCursor } | undefined>;
  walk(path: Uint8Array, glob: string | undefined): WalkCursor;
}

export class FileCursor extends Freed {
  stat(): RawStat;
  next(stop: Stop): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

export class WalkCursor<T = RawStat> extends Freed {
  next(stop: Stop): Promise<T[] | undefined>;
}

/** Throws a {@link RawError}. */
export class WasmGlob extends Freed {
  constructor(pattern: string);
  readonly directoriesOnly: boolean;
  /** The numbers of names that match, and at the end how many of the names were looked at. */
  next(first: number, names: string, parents: Uint32Array): Uint32Array;
}

export class WasmSource extends Freed {
  readonly name: string;
  manifest(reference: string | undefined, stop: Stop): Promise<import("../js/types/content.js").Manifest>;
  blob(descriptor: RawBlob, stop: Stop): Promise<Uint8Array<ArrayBuffer>>;
  blobStream(descriptor: RawBlob, start: number, stop: Stop): Promise<BlobCursor>;
  referrers(
    digest: string,
    artifactType: string,
    stop: Stop,
  ): Promise<import("../js/types/content.js").Descriptor[]>;
  counters: WasmImage["counters"];
  requests: WasmImage["requests"];
}

/** The head of an answer. */
export type RawHead = Omit<import("../js/types/registry.js").RegistryAnswer, "headers" | "body">;

export class WasmRegistry extends Freed {
  send(
    method: string,
    target: string,
    retries: boolean,
    exchange: (
      url: string,
      authorization: string | undefined,
    ) => Promise<import("../js/types/registry.js").FetchResponse>,
    stop: Stop,
  ): Promise<RawHead>;
  failure(
    answer: Pick<RawHead, "status" | "url" | "isHome" | "retryAfter">,
    body: Uint8Array,
    what: string,
  ): RawError;
  pullFrom(repository: string): void;
  grant(): import("../js/types/registry.js").RegistryGrant | undefined;
  /** Throws a {@link RawError}. */
  resume(grant: import("../js/types/registry.js").RegistryGrant): void;
}

/** What names a blob. */
export interface RawBlob {
  digest: string;
  size: number;
  mediaType?: string;
}

export class BlobCursor extends Freed {
  next(stop: Stop): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

export function openSource(
  source: SourceSpec,
  options: RawOptions,
  host: Host,
  stop: Stop,
): Promise<WasmSource | Elsewhere>;
export function openImage(
  source: SourceSpec,
  options: RawOptions,
  host: Host,
  stop: Stop,
): Promise<WasmImage | Elsewhere>;
export function imageNames(
  source: SourceSpec,
  options: RawOptions,
  host: Host,
  stop: Stop,
): Promise<string[] | Elsewhere>;
/** Throws a {@link RawError}. */
export function openRegistry(repository: string, options: RawOptions, host: Host): WasmRegistry;

/** Throws a {@link RawError}. */
export function parseReference(text: string): import("../js/types/registry.js").Reference;

/** Compiles and instantiates the module synchronously. */
export function initSync(options: { module: unknown }): unknown;
/** The same from a URL, a `Response`, bytes or a module. */
export default function init(options: { module_or_path: unknown }): Promise<unknown>;

/** Bounds what this instance reserves; `pressure` is called when it wants more, and frees something if it can. */
export function setMemoryLimit(bytes: number, pressure?: (() => void) | undefined): void;
/** Bytes that this instance has reserved. */
export function memoryHeld(): number;
/** Whether the instance has failed: its objects are of no use, and it takes another `init`. */
export function isLost(): boolean;
/** Bytes of memory that the instance has, which never become fewer. */
export function memorySize(): number;
/** Makes another instance for what is made from now on; what it gives says how many bytes the old one has still reserved, until that is gone. */
export function retire(): (() => number | undefined) | undefined;
