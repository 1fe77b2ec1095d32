/** Opening: sources, caches, options. @module */
import type { BuildProgress } from "./build.js";
import type { Cache } from "./cache.js";
import type { LazyFormat } from "./image.js";
import type { Auth, Fetch } from "./registry.js";

/** Progress of reading, told at most ten times a second and at the end of each operation. */
export interface Progress {
  /** Requests so far. */
  requests: number;
  /** Bytes of bodies so far. */
  bytes: number;
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

/** Source of an image, as {@link open} takes it. */
export type ImageSource = string | URL | Blob | LocalFolder | ReadonlyMap<string, Blob>;

/** Options of {@link open}. */
export interface OpenOptions {
  /**
   * `os/arch[/variant]`; `NOT_FOUND` where there is no image for it. Where none is named: that of {@link defaultPlatform}, else
   * the only one that the index has; `Image.platformBy` says which.
   */
  platform?: string | undefined;
  /** The platform where none is named: linux and this machine's architecture, where that is known, else `linux/amd64`. */
  defaultPlatform?: string | undefined;
  /** Credentials, for registries that want some. They go to this registry and its token service only. */
  auth?: Auth | undefined;
  /** Used in place of the global `fetch`. */
  fetch?: Fetch | undefined;
  /** Keeps verified bytes between images and runs. Written to beside reading: `Image.close` waits until that is done. */
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
