/**
 * What `wasm-bindgen --target web` makes of `build/` in this folder, as far as the package uses it. Written by hand, as
 * `ocipeek.d.ts` is.
 * @module
 */
import type { Manifest } from "../js/types/content.js";
import type { EntryType } from "../js/types/index.js";

type Bytes = Uint8Array<ArrayBuffer>;

interface RawLimits {
  limits?: Record<string, number> | undefined;
}

export interface RawEntry {
  name: Uint8Array;
  type: EntryType | "hardlink";
  size: number;
  offset: number;
  headerOffset: number;
  mode: number;
  uid: number;
  gid: number;
  uname: Uint8Array;
  gname: Uint8Array;
  mtimeMs?: number;
  linkname?: Uint8Array;
  devMajor: number;
  devMinor: number;
  xattrs: [Uint8Array, Uint8Array][];
  whiteout?: import("../js/types/index.js").Whiteout;
}

declare class Freed {
  free(): void;
}

/** `Hash` of `node:crypto`, as far as it is used. */
export interface RawHash {
  update(bytes: Uint8Array): unknown;
  copy(): RawHash;
  digest(): Uint8Array;
}

export class ZtocBuilder extends Freed {
  constructor(
    compression: "gzip" | "none",
    options: RawLimits & {
      spanSize: number;
      buildTool: string;
      diffId?: boolean;
      /** An empty SHA-256, to copy; its own where absent. */
      sha256?: RawHash | undefined;
    },
  );
  readonly wants: number;
  readonly unpacked: number;
  readonly spans: number;
  readonly entries: number;
  push(bytes: Uint8Array): void;
  drain(bytes: Uint8Array): void;
  digest(): string;
  entriesFrom(start: number, count: number): RawEntry[];
  takeCheckpoints(): Bytes;
  readonly checkpointBytes: number;
  takeCheckpointsInto(into: Bytes): void;
  finish(): WasmZtoc;
}

export class WasmZtoc extends Freed {
  private constructor();
  facts(): {
    layerDigest: string;
    layerSize: number;
    diffId?: string;
    tarSize: number;
    archiveSize: number;
    spans: number;
    entries: number;
    needsXattrs: boolean;
    loadsInReference: boolean;
    size: number;
    taken: number;
  };
  takePieces(): [Bytes, Bytes, Bytes];
  spansOf(path: Uint8Array): Uint32Array | undefined;
}

export class Hasher extends Freed {
  constructor();
  update(bytes: Uint8Array): void;
  digest(): string;
}

export class ZtocView extends Freed {
  constructor(bytes: Uint8Array, options: RawLimits);
  facts(): {
    version: string;
    buildTool: string;
    compression: "gzip" | "none";
    layerSize: number;
    archiveSize: number;
    spanSize: number;
    spans: number;
    entries: number;
    needsXattrs: boolean;
  };
  entries(start: number, count: number): RawEntry[];
  spans(start: number, count: number): import("../js/types/build.js").ZtocSpan[];
  spansOf(path: Uint8Array): Uint32Array | undefined;
}

/** What a zTOC says otherwise than its layer does. */
export function compareZtocs(
  stated: Uint8Array,
  built: Uint8Array,
  options: RawLimits & { told: number },
): {
  total: number;
  differences: {
    field: string;
    entry?: Uint8Array;
    checkpoint?: number;
    stated: string;
    actual: string;
  }[];
};

/** How a zTOC that a cache keeps is known to be its layer's. */
export type KeptOrigin = "built" | "checked" | "checked-meaning";
export function keptKey(layer: string): string;
export function keptHead(
  layer: string,
  layerSize: number,
  ztoc: string,
  ztocSize: number,
  origin: KeptOrigin,
): Bytes;
export function readKeptHead(
  value: Uint8Array,
  layer: string,
  layerSize: number,
): { digest: string; size: number; origin: KeptOrigin; head: number } | undefined;

export interface RawPlatform {
  os: string;
  architecture: string;
  variant?: string;
  "os.version"?: string;
  "os.features": string[];
  /** As text, for people. */
  name: string;
}

export interface RawDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations: Record<string, string>;
  platform?: RawPlatform;
  statedPlatform?: RawPlatform;
  isImage: boolean;
  packing?: "none" | "gzip" | "zstd" | "unknown";
}

export interface RawIndex {
  kind: "index";
  manifests: RawDescriptor[];
}

export interface RawImage {
  kind: "image";
  config: RawDescriptor;
  layers: RawDescriptor[];
  artifactType?: string;
  subject?: RawDescriptor;
  annotations: Record<string, string>;
  isImage: boolean;
}

export function readManifest(bytes: Uint8Array, mediaType: string, options: RawLimits): RawIndex | RawImage;
export function platformOf(config: Uint8Array, options: RawLimits): RawPlatform;
export function parsePlatform(text: string): RawPlatform;
export function askedPlatform(text: string): RawPlatform;
export function readSociIndex(
  bytes: Uint8Array,
  options: RawLimits,
): {
  version: "v1" | "v2";
  buildTool?: string;
  subject?: string;
  layers: { layerDigest: string; ztoc: RawDescriptor; spanSize?: number; disableXattrs: boolean }[];
};
export function sociIndex(input: {
  subject?: { mediaType: string; digest: string; size: number };
  buildTool: string;
  layers: {
    layer: { mediaType: string; digest: string; size: number };
    digest: string;
    size: number;
    spanSize?: number;
    disableXattrs: boolean;
  }[];
  prefetch: { layer: string; spans: (readonly [number, number])[] }[];
}): { index: Manifest; prefetch: Manifest[] };
export function convertImage(
  image: Manifest,
  platform: RawPlatform | undefined,
  manifests: Manifest[],
  soci: { imageManifest: string; digest: string; size: number; platform: RawPlatform }[],
  options: RawLimits,
): { index: Manifest; manifests: Manifest[] };

export { default, initSync, isLost, memoryHeld, memorySize, retire, setMemoryLimit } from "./ocipeek.js";
