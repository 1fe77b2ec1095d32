/** Builds indexes of an image's layers that have none. @module */
import type { WasmImage } from "../../wasm/ocipeek.js";
import { identityOf } from "../common/identity.js";
import { invalid, OcipeekError } from "../errors.js";
import type { Scope } from "../scope.js";
import type { BuildProgress } from "../types/build.js";
import type { IndexJob, IndexLayerOptions, LayerInfo, OpenOptions } from "../types/index.js";
import { Job } from "./job.js";
import { type Built, join, type Wanted } from "./pass.js";

let places = 0;

/** Options of an image that matter here. */
type IndexingOptions = Pick<OpenOptions, "auth" | "limits" | "onIndexing">;

/** Indexer of one image's layers. */
export class Indexing {
  readonly #scope: Scope;
  readonly #options: IndexingOptions;
  /**
   * Whose passes it shares: who could not read a layer must not learn from others' passes what is in it. Images sign in alike
   * if they have the very same `auth`, or none.
   */
  readonly #group: number;
  /** The repository that it reads from; what is no repository's is this image's alone. */
  readonly #place: string;
  /** Weak: wasm holds this as long as there is the image, which would never be garbage. */
  #wasm: WeakRef<WasmImage> | undefined;

  /** `isAlone`: it shares no passes with other images. `repository`: with its registry, where it reads from one. */
  constructor(scope: Scope, options: IndexingOptions, isAlone: boolean, repository: string | undefined) {
    this.#scope = scope;
    this.#place = repository ?? `#${++places}`;
    this.#group = identityOf(isAlone ? this : options.auth);
    this.#options = options;
  }

  /** The image, once it is open. */
  attach(wasm: WasmImage): void {
    this.#wasm = new WeakRef(wasm);
  }

  /** For wasm: the index of a layer that is to be read. An abort of the signal says that nobody waits for it. */
  async build({ digest, size }: { digest: string; size: number }, signal: AbortSignal): Promise<Built> {
    const layer = this.#image()
      .layers()
      .find((it) => it.digest === digest);
    if (!layer) throw invalid("the image has no such layer", this.#scope.name);
    const stream = (from: number, stop: AbortSignal) => this.#bytes(layer.index, from, stop);
    const tell = (progress: BuildProgress) =>
      // Where others share it, the pass has the layer's number in another image.
      this.#options.onIndexing?.({
        ...progress,
        ...(progress.layer ? { layer: { ...progress.layer, index: layer.index } } : {}),
      });
    const membership = join(this.#wanted({ digest, size }, undefined), { stream, tell, isPaused: false });
    signal.addEventListener("abort", membership.leave, { once: true });
    return membership.built.finally(() => membership.leave());
  }

  /** See `Image.indexLayer`. `layers`: how they are read now. */
  job(index: number, { spanSize, signal }: IndexLayerOptions, layers: () => readonly LayerInfo[]): IndexJob {
    this.#scope.check();
    const layer = layers()[index];
    if (!layer)
      throw invalid(`there is no layer ${index}; the image has ${layers().length}`, this.#scope.name);
    const known = () => layers()[index] ?? layer;
    return new Job({
      layer,
      wanted: this.#wanted(layer, spanSize),
      scope: this.#scope,
      signal,
      stream: (from, stop) => this.#bytes(index, from, stop),
      find: async () => {
        if (isIndexed(known())) return known();
        await this.findKept(signal);
        if (isIndexed(known())) return known();
        if (!/zstd/.test(layer.mediaType)) return undefined;
        const message = "the layer is compressed with zstd, of which no zTOC exists";
        throw new OcipeekError("UNSUPPORTED", message, { digest: layer.digest, reference: this.#scope.name });
      },
      use: async ({ ztoc, layerDigest }) => {
        await this.#scope.run(signal, (stop) => this.#image().useIndex(index, ztoc, layerDigest, stop));
        return known();
      },
    });
  }

  /** Looks which layers the cache keeps an index of. */
  findKept(signal: AbortSignal | undefined): Promise<void> {
    return this.#scope.run(signal, (stop) => this.#image().findKeptIndexes(stop));
  }

  #wanted(layer: { digest: string; size: number }, spanSize: number | undefined): Wanted {
    return {
      group: this.#group,
      place: this.#place,
      digest: layer.digest,
      size: layer.size,
      spanSize,
      limits: this.#options.limits,
    };
  }

  #image(): WasmImage {
    const wasm = this.#wasm?.deref();
    if (!wasm) throw new OcipeekError("ABORTED", "the image is not open", { reference: this.#scope.name });
    return wasm;
  }

  /** A layer's bytes from `from` on, signed in, tried again and resumed as the image's other reads. */
  async *#bytes(index: number, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const cursor = await this.#scope.run(signal, (stop) => this.#image().layerStream(index, from, stop));
    try {
      for (;;) {
        const chunk = await this.#scope.run(signal, (stop) => cursor.next(stop));
        if (chunk === undefined) return;
        yield chunk;
      }
    } finally {
      cursor.free();
    }
  }
}

/** Whether a layer is read lazily, by whatever index. */
function isIndexed({ read }: LayerInfo): boolean {
  return read !== "whole" && read !== "tar";
}
