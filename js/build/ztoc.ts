/** Builds the zTOC of one layer. @module */
import { type RawHash, type WasmZtoc, ZtocBuilder } from "../../wasm/ocipeek_build.js";
import { checkOptions, kindOf } from "../check.js";
import { concat } from "../common/bytes.js";
import { calling, fromWasm, hasCode, invalid, OcipeekError } from "../errors.js";
import { pathBytes } from "../path.js";
import {
  type BuildZtocOptions,
  type BuiltZtoc,
  type ByteSource,
  DEFAULT_BUILD_TOOL,
  DEFAULT_SPAN_SIZE,
  type LayerPacking,
  type SpillStore,
} from "../types/build.js";
import { BATCH, EntryOf } from "./entries.js";
import { layerBytes, stopped } from "./layer-stream.js";
import { BuildMeter } from "./progress.js";
import { buildReady } from "./runtime.js";
import { MemoryStore } from "./store.js";
import { ztocBlob } from "./ztoc-blob.js";

/** Compressed bytes that wasm takes at a time: what they inflate to, and its checkpoints, are in memory at once. */
const PIECE = 64 << 10;
/** Bytes that tell how a layer is packed. */
const MAGIC = 4;
/** Milliseconds after which others get their turn, where the layer comes faster than it is indexed. */
const TURN_MS = 50;

/**
 * Builds the zTOC of a layer in one pass over its bytes. It is, byte for byte, that of the reference for the same layer,
 * span size and build tool.
 *
 * Memory: the entries, the checkpoints as far as `store` keeps them there, and about a megabyte.
 *
 * @example
 * ```js
 * import { createReadStream } from "node:fs";
 * import { buildZtoc } from "ocipeek/build";
 *
 * const ztoc = await buildZtoc(createReadStream("layer.tar.gz"), { spanSize: 1 << 20 });
 * console.log(ztoc.blob.digest, ztoc.spans);
 * await ztoc.close();
 * ```
 *
 * @throws {@link OcipeekError} `CORRUPT_LAYER` for what is no gzip or tar; `UNSUPPORTED` for zstd and for layers of which
 * no zTOC can tell; `DIGEST_MISMATCH` where `digest` or `size` are not the layer's; `NETWORK`, `ABORTED`,
 * `LIMIT_EXCEEDED`.
 */
export async function buildZtoc(layer: ByteSource, options: BuildZtocOptions = {}): Promise<BuiltZtoc> {
  checkOptions(options);
  if (!layer) throw invalid(`a layer must be a stream of bytes, not ${kindOf(layer)}`);
  const meter = options.onProgress && new BuildMeter("layer", options.size ?? 0, options.onProgress);
  return runBuild(layer, options, meter);
}

/**
 * As {@link buildZtoc}, with a meter that several layers may share. `owned`: nobody else sees the layer's pieces, so that
 * their memory is given back at once, and not when the engine thinks of it.
 * @internal
 */
export async function runBuild(
  layer: ByteSource,
  options: BuildZtocOptions,
  meter: BuildMeter | undefined,
  owned = false,
): Promise<BuiltZtoc> {
  const runtime = await buildReady();
  const store = options.store ?? runtime.store?.() ?? new MemoryStore();
  const pass = new Pass(store, options, meter, { owned, sha256: runtime.sha256?.() });
  try {
    return await pass.run(layer);
  } catch (error) {
    await store.close?.();
    throw fromWasm(error);
  } finally {
    pass.free();
  }
}

/** One layer streaming past. */
class Pass {
  readonly #options: BuildZtocOptions;
  readonly #meter: BuildMeter | undefined;
  readonly #store: SpillStore;
  readonly #sha256: RawHash | undefined;
  readonly #owned: boolean;
  #compression: LayerPacking | undefined;
  #builder: ZtocBuilder | undefined;
  /** What checkpoints come out of wasm in, over and over. */
  #checkpoints: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Bytes of checkpoints in the store. */
  #taken = 0;
  /** Entries that `onEntries` was given. */
  #given = 0;
  #turn = Date.now();

  constructor(
    store: SpillStore,
    options: BuildZtocOptions,
    meter: BuildMeter | undefined,
    { owned, sha256 }: { owned: boolean; sha256: RawHash | undefined },
  ) {
    this.#store = store;
    this.#owned = owned;
    this.#sha256 = sha256;
    this.#options = options;
    this.#meter = meter;
    this.#compression = options.compression;
  }

  free(): void {
    this.#builder?.free();
    this.#builder = undefined;
  }

  async run(layer: ByteSource): Promise<BuiltZtoc> {
    const bytes = layerBytes(layer, this.#options);
    let start: Uint8Array = new Uint8Array(0);
    for await (const chunk of bytes) {
      if (this.#builder) {
        await this.#take(this.#builder, chunk, bytes);
        continue;
      }
      start = concat([start, chunk]);
      if (start.length < MAGIC && this.#compression === undefined) continue;
      await this.#take(this.#make(start), start, bytes);
    }
    if (!this.#builder) await this.#take(this.#make(start), start, bytes);
    return this.#finish();
  }

  #make(start: Uint8Array): ZtocBuilder {
    this.#compression ??= packingOf(start);
    const { spanSize = DEFAULT_SPAN_SIZE, buildTool = DEFAULT_BUILD_TOOL, diffId = false } = this.#options;
    const { limits } = this.#options;
    const [packing, options] = [
      this.#compression,
      { spanSize, buildTool, diffId, limits, sha256: this.#sha256 },
    ];
    this.#builder = calling(() => new ZtocBuilder(packing, options));
    return this.#builder;
  }

  async #take(builder: ZtocBuilder, chunk: Uint8Array, rest: AsyncIterable<Uint8Array>): Promise<void> {
    const { signal } = this.#options;
    for (let at = 0; at < chunk.length; at += PIECE) {
      if (signal?.aborted) throw stopped(signal);
      try {
        builder.push(chunk.subarray(at, at + PIECE));
      } catch (error) {
        throw await this.#blame(builder, fromWasm(error), chunk.subarray(at + PIECE), rest);
      }
      await this.#storeCheckpoints(builder);
      await this.#pause(builder);
    }
    if (this.#owned) giveBack(chunk);
  }

  async #storeCheckpoints(builder: ZtocBuilder): Promise<void> {
    const size = builder.checkpointBytes;
    if (size === 0) return;
    if (this.#checkpoints.length < size) this.#checkpoints = new Uint8Array(size);
    const checkpoints = this.#checkpoints.subarray(0, size);
    builder.takeCheckpointsInto(checkpoints);
    this.#taken += size;
    await this.#store.append(checkpoints);
  }

  /** Tells how far it is, and lets others have their turn. */
  async #pause(builder: ZtocBuilder): Promise<void> {
    if (this.#meter?.due || (this.#options.onEntries && builder.entries - this.#given >= BATCH)) {
      this.#giveEntries(builder);
      await this.#tell(builder);
    }
    if (Date.now() - this.#turn < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#turn = Date.now();
  }

  async #tell(builder: ZtocBuilder): Promise<void> {
    const { index = 0, digest, size } = this.#options;
    const { wants: bytes, unpacked: inflated, entries, spans } = builder;
    this.#meter?.layer({ index, digest, bytes, total: size, inflated, entries, spans });
    await this.#meter?.tell();
  }

  #giveEntries(builder: ZtocBuilder): void {
    const { onEntries } = this.#options;
    while (onEntries && this.#given < builder.entries) {
      const batch = builder.entriesFrom(this.#given, BATCH).map((raw) => new EntryOf(raw));
      if (batch.length === 0) break;
      this.#given += batch.length;
      onEntries(batch);
    }
  }

  /** Where the layer cannot be indexed and its digest is known: whether it was made so, or came so. */
  async #blame(
    builder: ZtocBuilder,
    error: unknown,
    chunk: Uint8Array,
    rest: AsyncIterable<Uint8Array>,
  ): Promise<unknown> {
    const { digest, size } = this.#options;
    if (!hasCode(error, "CORRUPT_LAYER", "UNSUPPORTED") || digest === undefined || size === undefined)
      return error;
    builder.drain(chunk);
    for await (const more of rest) builder.drain(more);
    const actual = builder.digest();
    return actual === digest ? error : mismatch(digest, actual);
  }

  async #finish(): Promise<BuiltZtoc> {
    const builder = this.#builder;
    if (!builder) throw invalid("there is no layer");
    const { digest, spanSize = DEFAULT_SPAN_SIZE, buildTool = DEFAULT_BUILD_TOOL } = this.#options;
    this.#giveEntries(builder);
    await this.#tell(builder);
    const actual = builder.digest();
    if (digest !== undefined && actual !== digest) throw mismatch(digest, actual);
    const wasm = calling(() => builder.finish());
    try {
      const { size: _, taken, ...facts } = wasm.facts();
      if (taken !== this.#taken) throw new OcipeekError("INTERNAL", "a checkpoint was lost");
      const [front, ...back] = wasm.takePieces();
      const blob = await ztocBlob(front, this.#store, taken, back, this.#sha256);
      const compression = this.#compression ?? "gzip";
      const all = { ...facts, diffId: facts.diffId, compression, spanSize, buildTool, blob };
      return built(all, wasm, this.#store);
    } catch (error) {
      wasm.free();
      throw error;
    }
  }
}

type Facts = Omit<BuiltZtoc, "bytes" | "spansOf" | "close">;

/** Built zTOC: facts, and what needs the module's memory and the store. */
function built(facts: Facts, wasm: WasmZtoc, store: SpillStore): BuiltZtoc {
  const { blob } = facts;
  let isClosed = false;
  return {
    ...facts,
    bytes: () => blob.read(0, blob.size),
    spansOf(path) {
      if (isClosed) throw invalid("the zTOC was closed");
      return pair(calling(() => wasm.spansOf(pathBytes(path))));
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      wasm.free();
      await store.close?.();
    },
  };
}

/** Two numbers out of wasm. @internal */
export function pair(numbers: Uint32Array | undefined): readonly [number, number] | undefined {
  const [first, last] = numbers ?? [];
  return first === undefined || last === undefined ? undefined : [first, last];
}

/** Frees a buffer that nobody needs any more. Engines count such memory badly: it piles up before they collect it. */
export function giveBack({ buffer }: Uint8Array): void {
  (buffer as { transfer?: (size: number) => unknown }).transfer?.(0);
}

/** How a layer is packed, by its first bytes. Of zstd, the builder of gzip says what is to be said. */
function packingOf(start: Uint8Array): LayerPacking {
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const isZstd = start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd;
  return isGzip || isZstd ? "gzip" : "none";
}

function mismatch(digest: string, actual: string): OcipeekError {
  const message = `the layer ${digest} came with the digest ${actual}`;
  return new OcipeekError("DIGEST_MISMATCH", message, { digest });
}
