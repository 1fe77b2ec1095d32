/** Interface of the engine, the Web Worker that holds the images. Types only. @module */
import type {
  Credentials,
  Image,
  ImageConfig,
  LayerInfo,
  LayerTally,
  OpenOptions,
  Waste as PackageWaste,
  ReadStats,
  RemedyKind,
  Stats,
  Tally,
} from "ocipeek";
import type { Catalogue } from "./catalogue.ts";
import type { EncodedPath } from "./path.ts";

export type { Tally };

/** Where an image lies. */
export type ImageSource =
  | { kind: "registry"; reference: string }
  /** A tar: an OCI layout, or what `docker save` makes. */
  | { kind: "file"; file: File; tag?: string | undefined }
  /** A folder that holds an OCI layout, or an unpacked `docker save`: its files by their paths below it. */
  | { kind: "folder"; name: string; files: Map<string, File>; tag?: string | undefined };

/** What the deployment says of itself, from `-/config.json`; all empty on a static host. */
export interface SiteConfig {
  /** Whether registries can be reached through this host at `-/v2/`. */
  proxy: boolean;
  /** What the proxy reaches: registries, or `registry/pattern`. */
  registries: string[];
  /** Whether the proxy hands the user's name and token on to the registry. */
  passAuthorization: boolean;
  /** Images to suggest. */
  demo: string[];
}

/** How a registry was reached: itself, or through the host that serves the page. */
export type Route = "direct" | "proxy" | "local";

/** How to read an image, where it is not as the image says. */
export interface Reading {
  /** The format, named by the address. */
  reader?: OpenOptions["reader"];
  /** The user agreed that what has no digests is read by ranges all the same. Nothing of it is cached. */
  unverified?: boolean;
  /** The user agreed to an index that is merely attached to the image, or to the image in the format that is. */
  attached?: boolean;
}

/** What is attached to an image. */
export interface AttachedIndexes {
  /** SOCI indexes that the registry lists: anybody who may write to the repository can add one. */
  count: number;
  /** Why there may be more, or none. */
  failed: string | undefined;
}

/** What of {@link Image} crosses as it is. */
type PlainOfImage =
  | "name"
  | "digest"
  | "indexDigest"
  | "platform"
  | "platformBy"
  | "isMerged"
  | "soci"
  | "annotations";

/** An open image. */
export interface OpenedImage extends Pick<Image, PlainOfImage> {
  /** Names it in calls. */
  id: number;
  /** What the image index offers. */
  platforms: string[];
  layers: LayerInfo[];
  /** The format that was named; nothing where the image told. */
  reader: OpenOptions["reader"];
  /** Whether what has no digests is read by ranges. */
  unverified: boolean;
  /** Whether the user agreed to an attached index; {@link LayerInfo.ztoc} says which layers are read by one. */
  attached: boolean;
  route: Route;
  /** Images that a local source holds besides: their tags. */
  tags: string[];
}

/** A tree of an image: the merged root file system, or one layer's own entries. */
export interface TreeRef {
  image: number;
  /** 0 the lowest. */
  layer?: number | undefined;
}

/** A path of a tree. */
export interface FileRef extends TreeRef {
  path: EncodedPath;
}

/** What of {@link Stats} crosses as it is. */
type Plain =
  | "type"
  | "size"
  | "mode"
  | "uid"
  | "gid"
  | "uname"
  | "gname"
  | "nlink"
  | "devMajor"
  | "devMinor"
  | Rest;
type Rest = "linkname" | "layer" | "verified";

/** Attributes of one path. */
export interface FileFacts extends Pick<Stats, Plain> {
  /** Where it leads: links resolved. */
  path: EncodedPath;
  /** Milliseconds since the epoch; NaN where unknown. */
  mtime: number;
  hardlinkOf: EncodedPath | undefined;
  xattrs: [name: string, value: Uint8Array][];
}

/** What one layer does to those below it. */
export interface LayerChanges extends LayerTally {
  /**
   * The layer's tree with {@link Catalogue.mark}s, whiteouts left out. What it removes is in it, with the size and the
   * layer that it had, and counts in no folder that stays. Where a folder takes the place of something else, or the
   * other way round, both are there: first what is added, then what is removed.
   */
  catalogue: Catalogue;
}

/** The package's, with encoded paths. */
export interface Waste extends Omit<PackageWaste, "worst"> {
  worst: { path: EncodedPath; copies: number; wasted: number }[];
}

/** Two images side by side. */
export interface Comparison {
  /** Both trees as one, with marks; sizes are those of the right image, of removed entries the left's. */
  catalogue: Catalogue;
  added: Tally;
  changed: Tally;
  removed: Tally;
  /** Equal attributes, contents not compared. */
  unverifiedSame: Tally;
  /** Digests of layers that both have. */
  sharedLayers: string[];
}

/** One line of a text's difference: where it is on either side, 1 the first. */
export interface DiffLine {
  kind: "same" | "added" | "removed";
  left?: number;
  right?: number;
  /** In pieces; what differs from the line on the other side is marked. */
  parts: { text: string; differs: boolean }[];
}

/** Lines that belong together. */
export interface DiffHunk {
  lines: DiffLine[];
}

/** One path on both sides; `undefined` where a side has none. */
export interface FileDiff {
  left: FileFacts | undefined;
  right: FileFacts | undefined;
  content: FileDiffContent;
}

/**
 * `none`: at least one is no file. `large`: not read, for its size. `unlike`: texts with too little in common.
 * `firstDifference`: an offset.
 */
export type FileDiffContent =
  | { kind: "none" | "same" | "unlike" }
  | { kind: "large"; maxBytes: number }
  | { kind: "binary"; firstDifference: number }
  | { kind: "text"; hunks: DiffHunk[]; added: number; removed: number };

/** The local cache. */
export interface CacheState {
  /** Where: `none` without a secure context. */
  kind: "cache-api" | "memory" | "none";
  entries: number;
  bytes: number;
  /** It keeps at most so much; the oldest use goes first. */
  maxBytes: number;
}

/** Requests and bytes of an image so far. */
export type Cost = Omit<ReadStats, "log"> & { log?: ReadStats["log"] };

/** What a call says while it runs. */
export interface CallProgress {
  /** Requests and bytes of the image since it was opened. */
  requests?: number;
  bytes?: number;
  /** Steps or bytes of this call: done, and of how many where that is known. */
  done?: number;
  total?: number | undefined;
  /** Of the building of an index. */
  index?: IndexNews;
}

/** How far the building of a layer's index is. */
export interface IndexNews {
  layer: number;
  /** Bytes of the compressed layer so far, and in all. */
  bytes: number;
  total: number;
  entries: number;
  bytesPerSecond: number;
  etaSeconds: number | undefined;
  paused: boolean;
  /** What is in the layer as far as it is known, now and then. Cannot be filtered. */
  tree?: Catalogue;
}

/** Key facts of a file whose format is known. `title`: `ELF 64-bit shared object, x86-64`. */
export interface Identity {
  format: string;
  title: string;
  facts: [label: string, value: string][];
  /** A table behind the facts, e.g. libraries needed, tables of a database, certificates of a bundle. */
  sections: { title: string; rows: [label: string, value: string][] }[];
}

/** A download, for the service worker: bytes are pulled through the port. */
export interface Download {
  /** The name to save under. */
  name: string;
  /** Content length, where known. */
  size: number | undefined;
  port: MessagePort;
}

/** The calls: arguments and result of each. */
export interface EngineApi {
  /** Sets what the deployment offers; before all else. */
  configure(site: SiteConfig & { base: string }): void;
  /** Opens an image; gives the open one where it is the same. */
  open(source: ImageSource, platform: string | undefined, reading?: Reading): OpenedImage;
  /** Frees it. */
  close(image: number): void;
  /** The image again: more is known of its layers once they were read. */
  image(image: number): OpenedImage;
  /**
   * Builds the index of a layer, which streams past once, and keeps it in the local cache; gives the image again. The
   * progress has {@link CallProgress.index}.
   */
  indexLayer(image: number, layer: number): OpenedImage;
  /** Pauses the building of an index, or lets it go on. */
  pauseIndexing(image: number, layer: number, isPaused: boolean): void;
  /** Asks the registry for indexes that are attached to the image; nothing is read by any of them. */
  findAttached(image: number): AttachedIndexes;
  config(image: number): ImageConfig;
  /** Images that a file or folder holds, by the names that {@link ImageSource}'s `tag` takes. */
  imagesIn(source: ImageSource): string[];
  /** Tags of a repository, for the tag picker. */
  tags(reference: string): string[];
  /** Credentials of a registry, kept in memory only; `undefined` forgets them. */
  signIn(registry: string, credentials: Credentials | undefined): void;

  /** All entries of a tree. */
  catalogue(tree: TreeRef): Catalogue;
  /**
   * Entries that match, in order, in any case: a part of the path that ends in the entry's name (so that what is below
   * a folder that matches does not match itself); or a glob (docs/globs.md) where it has `*`, `?`, `[` or `{`
   * and is well formed. A newer filter of the same catalogue
   * stops one that runs: `ABORTED`.
   */
  filter(catalogue: number, query: string): Uint32Array<ArrayBuffer>;
  /** Frees what a catalogue holds in the engine. */
  release(catalogue: number): void;

  stat(file: FileRef, follow: boolean): FileFacts;
  /** Bytes `start` to `end` (not included); all without them. */
  read(file: FileRef, start?: number, end?: number): { data: Uint8Array<ArrayBuffer>; facts: FileFacts };
  /** SHA-256 of a file's content, in hexadecimal. */
  hash(file: FileRef): string;
  /** Key facts by content, or nothing where the format is not known. */
  identify(file: FileRef): Identity | undefined;
  /** A file to save. */
  download(file: FileRef): Download;
  /** A folder to save, as a tar. */
  downloadTar(file: FileRef): Download;

  layerChanges(image: number, layer: number): LayerChanges;
  waste(image: number): Waste;
  compare(left: number, right: number): Comparison;
  /**
   * Compares contents of what {@link Comparison} could not tell; paths that differ. {@link compare} then knows them.
   */
  compareContents(left: number, right: number, paths: EncodedPath[]): EncodedPath[];
  /** Both sides of a path. `context`: lines that are told around what differs. */
  diff(left: FileRef, right: FileRef, context: number): FileDiff;

  /** With `log`, the requests too. */
  cost(image: number, log: boolean): Cost;
  cacheState(): CacheState;
  clearCache(): CacheState;
}

/** An error over the boundary. `code`: the package's, or one of the page's own. */
export interface ApiFailure {
  code: string;
  /** A sentence, without the code. */
  message: string;
  /** What would help, as the package names it. */
  remedies?: RemedyKind[] | undefined;
  reference?: string | undefined;
  digest?: string | undefined;
  path?: string | undefined;
  status?: number | undefined;
  retryAfter?: number | undefined;
  limit?: string | undefined;
  offset?: number | undefined;
}

/**
 * Codes besides the package's: `OFFLINE` (the browser says so), `CORS` (the registry does not answer pages and there is
 * no proxy), `REGISTRY_NOT_ALLOWED` (the proxy does not reach it), `NO_SUCH_LAYER` (the address names one that the image
 * does not have), `CHOOSE_AGAIN` (a local file of an earlier visit).
 */
export class EngineError extends Error {
  readonly failure: ApiFailure;

  constructor(failure: ApiFailure) {
    super(failure.message);
    this.name = failure.code === "ABORTED" ? "AbortError" : "EngineError";
    this.failure = failure;
  }

  /** The stable code. */
  get code(): string {
    return this.failure.code;
  }
}
