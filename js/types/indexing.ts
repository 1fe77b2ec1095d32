/** Building of indexes by an open image. @module */
import type { ZtocEntry } from "./build.js";
import type { LayerInfo } from "./image.js";
import type { OperationOptions } from "./operation.js";

/** Options of `Image.indexLayer`. */
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
 * The building of a layer's index; see `Image.indexLayer`. A loop over it is told how far it is, at most ten times a
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
