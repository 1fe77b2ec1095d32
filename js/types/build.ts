/** The public types of `ocipeek/build`. @module */
import type { Cache } from "./cache.js";
import type { Blob as Content, Descriptor, Manifest } from "./content.js";
import type { EntryType, Whiteout } from "./files.js";

/** Default span size, that of the reference: 4 MiB. */
export const DEFAULT_SPAN_SIZE: number = 4 << 20;
/** Default build tool: the name that the reference gives itself. */
export const DEFAULT_BUILD_TOOL: string = "AWS SOCI CLI v0.2";
/** Layers below so many bytes get no zTOC where nothing else is asked for: 10 MiB, as in the reference. */
export const DEFAULT_MIN_LAYER_SIZE: number = 10 << 20;

/** Bytes that come in pieces. A piece is no longer looked at once the next one is asked for. */
export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** How a layer is packed, as far as zTOCs exist of it. */
export type LayerPacking = "gzip" | "none";

/** A store for bytes that the builder need not hold while it runs: most of a zTOC with small spans. Used for one zTOC. */
export interface SpillStore {
  /** Adds bytes at the end. They may be reused once this has settled. */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Exactly the bytes `start` to `end` (not included) of what was added. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>;
  /** As {@link read}, but fills what it is given, so that one buffer serves many reads. */
  readInto?(start: number, into: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Gives up what it holds. */
  close?(): Promise<void> | void;
}

/** An entry of a zTOC. */
export interface ZtocEntry {
  /** The name as the tar has it: may start with `./` or `/` and end with `/`. */
  readonly name: string;
  /** The same as raw bytes. */
  readonly nameBytes: Uint8Array;
  /** What it is. `hardlink` names an earlier entry by {@link linkname}. */
  readonly type: EntryType | "hardlink";
  /** Bytes of content. */
  readonly size: number;
  /** Offset in the tar of the first byte of content. */
  readonly offset: number;
  /** Offset in the tar of its first header. */
  readonly headerOffset: number;
  /** Permission bits, set-id and sticky: `0o7777`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  /** Milliseconds since the epoch; undefined where unknown. */
  readonly mtimeMs: number | undefined;
  /** A link's target. */
  readonly linkname: string | undefined;
  /** The same as raw bytes. */
  readonly linknameBytes: Uint8Array | undefined;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Extended attributes; names without `SCHILY.xattr.`. */
  readonly xattrs: readonly (readonly [Uint8Array, Uint8Array])[];
  /** What the entry removes of the layers below, if anything. */
  readonly whiteout: Whiteout | undefined;
}

/** How far one layer is. */
export interface LayerProgress {
  /** The layer's position in its image; 0 for a layer alone. */
  index: number;
  /** The layer's digest, where it is known before. */
  digest: string | undefined;
  /** Bytes of the compressed layer so far. */
  bytes: number;
  /** Bytes of the compressed layer in all, where known. */
  total: number | undefined;
  /** Bytes of the tar so far. */
  inflated: number;
  /** Entries so far. */
  entries: number;
  /** Spans so far. */
  spans: number;
}

/** Progress of building, told at most ten times a second, and at the end of each layer and of the whole. */
export interface BuildProgress {
  /** `layer`: layers stream past. `push`: results go to the destination. */
  phase: "layer" | "push";
  /** The layer that made the news. */
  layer?: LayerProgress;
  /** Bytes of this phase so far. */
  bytes: number;
  /** Bytes of this phase in all, as far as known. */
  total: number;
  /** Bytes per second, over the last seconds. */
  bytesPerSecond: number;
  /** Seconds left at that rate; absent where there is no telling. */
  etaSeconds?: number;
}

/** Options of {@link buildZtoc}. */
export interface BuildZtocOptions {
  /** How the layer is packed; by its first bytes where absent. */
  compression?: LayerPacking | undefined;
  /** Least bytes of the tar between two checkpoints; {@link DEFAULT_SPAN_SIZE} by default. */
  spanSize?: number | undefined;
  /** What the zTOC says made it, a part of its bytes; {@link DEFAULT_BUILD_TOOL} by default. */
  buildTool?: string | undefined;
  /** The layer's digest: another one is `DIGEST_MISMATCH`. */
  digest?: string | undefined;
  /** The layer's size in bytes: for the progress, and another one is `DIGEST_MISMATCH`. */
  size?: number | undefined;
  /** Whether to compute the digest of the tar (the diff id) too; by default no. */
  diffId?: boolean | undefined;
  /** The layer's position in its image, for the progress. */
  index?: number | undefined;
  /** Named limits of the library, as for `open`: `maxBuildInflated`, `maxZtocSize`, `maxEntries`, `maxSpans` … */
  limits?: Record<string, number> | undefined;
  /** Stops it; the promise is rejected with `ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Told of the progress. Where it returns a promise, the layer's next bytes wait for it: this pauses. */
  onProgress?: ((progress: BuildProgress) => void | Promise<void>) | undefined;
  /** Given each entry once, in tar order, soon after it went past. */
  onEntries?: ((entries: ZtocEntry[]) => void) | undefined;
  /** Keeps the checkpoints meanwhile; by default memory, in Node, Deno and Bun a temporary file from 4 MiB on. */
  store?: SpillStore | undefined;
  /**
   * Gives the layer's bytes from `from` on, where a stream breaks off with `NETWORK` or is short of `size`: up to 8
   * times in a row without progress. Without it that is the end.
   */
  resume?: ((from: number, signal: AbortSignal | undefined) => ByteSource | Promise<ByteSource>) | undefined;
}

/** A zTOC and what came to light with it. */
export interface BuiltZtoc {
  /** The zTOC itself: its digest, its size, its bytes by pieces. */
  readonly blob: Content;
  /** All bytes of the zTOC at once. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** The layer's digest, computed here. */
  readonly layerDigest: string;
  /** The layer's size in bytes. */
  readonly layerSize: number;
  /** How the layer is packed. */
  readonly compression: LayerPacking;
  /** The digest of the layer's tar, where asked for. */
  readonly diffId: string | undefined;
  /** The size of the layer's tar in bytes, all of it. */
  readonly tarSize: number;
  /** Where the tar ends for its reader: `uncompressed_archive_size`. */
  readonly archiveSize: number;
  /** As asked for. */
  readonly spanSize: number;
  /** As asked for. */
  readonly buildTool: string;
  /** Spans. */
  readonly spans: number;
  /** Entries. */
  readonly entries: number;
  /** Whether an entry has extended attributes or is an opaque marker; where not, `disable-xattrs` may be said of the layer. */
  readonly needsXattrs: boolean;
  /** False where the reference builds the same bytes but refuses to load them (PAX sparse files). */
  readonly loadsInReference: boolean;
  /** The spans (first and last) that hold the content of the last entry with this cleaned path; nothing where there is none. */
  spansOf(path: string): readonly [number, number] | undefined;
  /** Gives up what the store holds. The blob cannot be read any more. */
  close(): Promise<void>;
}

/** Contents of a zTOC. See {@link readZtoc}. */
export interface ZtocFacts {
  /** The format's version: `0.9`. */
  readonly version: string;
  readonly buildTool: string;
  readonly compression: LayerPacking;
  /** Size of the compressed layer: `compressed_archive_size`. */
  readonly layerSize: number;
  /** `uncompressed_archive_size`. */
  readonly archiveSize: number;
  /** The span size that the zTOC says it was built with. */
  readonly spanSize: number;
  readonly needsXattrs: boolean;
  /** Each span: its compressed and its inflated range (first byte, and the first one not), and its digest. */
  readonly spans: readonly ZtocSpan[];
  /** The entries, in tar order. */
  readonly entries: readonly ZtocEntry[];
  /** As {@link BuiltZtoc.spansOf}. */
  spansOf(path: string): readonly [number, number] | undefined;
}

/** A span of a zTOC. */
export interface ZtocSpan {
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  readonly digest: string;
}

/** Options of {@link createIndex} and {@link convertImage}. */
export interface IndexOptions {
  /**
   * Platforms to index, `linux/arm64/v8` …, or `all`. By default `linux` on this machine's architecture; of an image
   * that is a single manifest, its own.
   */
  platforms?: readonly string[] | "all" | undefined;
  /** As in {@link BuildZtocOptions.spanSize}. */
  spanSize?: number | undefined;
  /** Layers below so many bytes get no zTOC; {@link DEFAULT_MIN_LAYER_SIZE} by default. */
  minLayerSize?: number | undefined;
  /** As in {@link BuildZtocOptions.buildTool}. */
  buildTool?: string | undefined;
  /** Files that a container needs at its start; the index then names their spans. Absolute paths. */
  prefetchFiles?: readonly string[] | undefined;
  /** Mark layers without extended attributes with `disable-xattrs`, as the reference's `--optimizations xattr`. */
  optimizeXattrs?: boolean | undefined;
  /** `false`: do not state the span size beside each zTOC, as builders before 2026: for their digests. */
  annotateSpanSize?: boolean | undefined;
  /**
   * Build every zTOC anew, although one of this span size and build tool is there that somebody vouches for: in the index
   * that the image names, or in the {@link cache}. zTOCs of indexes that are merely attached are always built anew.
   */
  force?: boolean | undefined;
  /**
   * Where zTOCs that are built here are kept by the digests of their layers, and are found again; the reader finds them
   * there, too. Only its owner may be able to write to it.
   */
  cache?: Cache | undefined;
  /** Layers to index at a time, 1 or 2; 2 by default. */
  parallel?: number | undefined;
  /** As in {@link BuildZtocOptions.limits}. */
  limits?: Record<string, number> | undefined;
  /** A store for each zTOC. */
  store?: (() => SpillStore) | undefined;
  /** Stops it; the promise is rejected with `ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Told of the progress. */
  onProgress?: ((progress: BuildProgress) => void) | undefined;
}

/**
 * What became of a layer:
 *
 * - `indexed`: it got a zTOC,
 * - `reused`: there was one already, that the image or the cache vouches for,
 * - `too-small`: it is below the minimum,
 * - `zstd`: it is compressed with zstd, of which no zTOC exists,
 * - `unsupported`: no zTOC can tell of it; {@link LayerResult.reason} says why.
 */
export type LayerOutcome = "indexed" | "reused" | "too-small" | "zstd" | "unsupported";

/** Result for one layer of an image. */
export interface LayerResult {
  /** Position in the image, 0 the lowest. */
  index: number;
  digest: string;
  mediaType: string;
  /** Compressed size in bytes. */
  size: number;
  outcome: LayerOutcome;
  /** Why it has none. */
  reason?: string;
  /** The zTOC. */
  ztoc?: { digest: string; size: number; spans: number };
}

/** The SOCI index of one platform's image. */
export interface PlatformArtifacts {
  /** `os/arch[/variant]`, where known. */
  platform: string | undefined;
  /** The image manifest that it was built of. */
  subject: Descriptor;
  /** The SOCI index; nothing where no layer got a zTOC. */
  index: Manifest | undefined;
  /** The zTOCs, in the order of the layers, each once. */
  ztocs: Content[];
  /** The prefetch artifacts. */
  prefetch: Content[];
  /** All layers, the lowest first. */
  layers: LayerResult[];
  /** Of {@link IndexOptions.prefetchFiles}, those that no indexed layer has. */
  prefetchMissing: string[];
}

/** SOCI indexes of version 1. */
export interface SociArtifacts {
  readonly version: "v1";
  readonly images: PlatformArtifacts[];
  /** Gives up what the zTOCs' stores hold. */
  close(): Promise<void>;
}

/** An image with SOCI indexes of version 2. */
export interface Converted {
  readonly version: "v2";
  /** The image's new OCI index. */
  readonly index: Manifest;
  /** All that it names in place of what was there, SOCI indexes apart. Layers and configs are those of the source. */
  readonly manifests: Manifest[];
  /** The SOCI indexes of the platforms asked for. */
  readonly images: PlatformArtifacts[];
  /** Gives up what the zTOCs' stores hold. */
  close(): Promise<void>;
}

/** Options of {@link pushArtifacts}. */
export interface PushOptions {
  /** The tag that a converted image gets. Without one it is found by its digest only. */
  tag?: string | undefined;
  /** Blobs to write at a time; 3 by default. */
  parallel?: number | undefined;
  /** Stops it; the promise is rejected with `ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Told of the progress. */
  onProgress?: ((progress: BuildProgress) => void) | undefined;
}

/** Report of {@link pushArtifacts}. */
export interface PushReport {
  /** Where to. */
  destination: string;
  /** Blobs: zTOCs, prefetch artifacts, and of a converted image its layers and configs. */
  blobs: { digest: string; size: number; outcome: "present" | "mounted" | "uploaded" }[];
  /** Manifests, in the order in which they were written. */
  manifests: { digest: string; mediaType: string; size: number; tag?: string }[];
}
