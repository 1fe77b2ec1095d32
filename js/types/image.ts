/** Images: layers and how they are read, indexes, configs, costs. @module */
import type { Descriptor } from "./content.js";
import type { ErrorCode } from "./error.js";
import type { IndexVoucher } from "./files.js";

/** Why it is this image of its index: the caller named the platform, it is the default one's, or the only image. */
export type PlatformBy = "asked" | "default" | "only";

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

/** Reader of a layer, and how it was chosen. */
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
