/** Changes that layers make, and what of their content nobody sees. @module */
import type { Stats } from "./files.js";
import type { OperationOptions } from "./operation.js";

/** One path that a layer touches; see {@link Image.changes}. */
export interface Change {
  /**
   * `added`: it was not there below, or was a folder there and is none now, or the other way round. `changed`: a file in
   * the place of another one, or a folder with another mode, owner or extended attributes. `removed`: it was there below;
   * what a removed folder held follows, one by one. `none`: a folder as it was, in which the layer has something.
   */
  change: "added" | "changed" | "removed" | "none";
  /** Its attributes with the layer; of what was removed, those that it had. */
  stats: Stats;
  /** Of what was changed, the attributes that it had. */
  replaced?: Stats;
}

/** Files, and all else but folders, and bytes of content: that of a file with several names counts once. */
export interface Tally {
  files: number;
  bytes: number;
}

/** Changes of one layer to those below it, in numbers. */
export interface LayerTally {
  /** The layer's position in its image. */
  layer: number;
  added: Tally;
  changed: Tally;
  removed: Tally;
  /** Bytes of content of this layer. */
  total: number;
  /** Those of them that upper layers replace or remove. */
  wasted: number;
}

/** Content that nobody sees, as upper layers replace or remove it; see {@link Image.waste}. */
export interface Waste {
  /** Bytes of content of all layers. */
  total: number;
  /** What of it is not in the root file system. */
  wasted: number;
  /** The 100 paths with most of it: how often each is stored, and the bytes that are not seen. */
  worst: { path: string; pathBytes: Uint8Array; copies: number; wasted: number }[];
  /** Each layer in numbers, the lowest first. */
  layers: LayerTally[];
}

/** Options of {@link Image.waste}. */
export interface WasteOptions extends OperationOptions {
  /** Told of each change of each layer, the lowest first. */
  onChange?: ((layer: number, change: Change) => void) | undefined;
}
