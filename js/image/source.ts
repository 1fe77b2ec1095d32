/// <reference lib="esnext.disposable" preserve="true" />
import { parseReference, type WasmSource } from "../../wasm/ocipeek.js";
import { checkOptions } from "../check.js";
import { invalid } from "../errors.js";
import { ProgressMeter } from "../progress.js";
import { inModule, ready } from "../runtime.js";
import { Scope } from "../scope.js";
import type { Descriptor, Manifest } from "../types/content.js";
import type { ImageSource, OpenOptions, OperationOptions, ReadStats } from "../types/index.js";
import { type Costs, lastCosts } from "./costs.js";
import { hostOf, rawOptions, sourceOf } from "./open.js";
import { CursorSource } from "./stream.js";

/** Options of {@link openSource}. */
export type OpenSourceOptions = Pick<
  OpenOptions,
  "auth" | "fetch" | "cache" | "signal" | "onProgress" | "limits" | "plainHttp" | "tokenHosts" | "tag"
>;

/** Name of a blob: its digest, size and media type. */
export type BlobName = Pick<Descriptor, "digest" | "size"> & { mediaType?: string | undefined };

/**
 * Opens where images lie, to read manifests and blobs as they are; takes what {@link open} takes. Nothing is requested
 * before it is asked for.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 *
 * const source = await openSource("ghcr.io/owner/app:1");
 * const { bytes } = await source.manifest();
 * console.log(JSON.parse(new TextDecoder().decode(bytes)).schemaVersion); // 2
 * await source.close();
 * ```
 *
 * @throws {@link OcipeekError}
 */
export async function openSource(source: ImageSource, options: OpenSourceOptions = {}): Promise<Source> {
  checkOptions(options);
  const runtime = await ready();
  const spec = sourceOf(source, options.tag, runtime);
  const meter = options.onProgress && new ProgressMeter(options.onProgress);
  const scope = new Scope(meter, "source");
  const raw = rawOptions(options, runtime, spec);
  const host = hostOf(options, meter, scope);
  const wasm = await inModule(runtime, (module) =>
    scope.run(options.signal, (stop) => module.openSource(spec, raw, host, stop)),
  );
  const parts = spec.kind === "registry" ? parseReference(spec.reference) : undefined;
  return new Source(wasm, scope, parts);
}

/**
 * Manifests and blobs of a repository, a layout or an archive. Requests are signed in, tried again and resumed as those
 * of {@link open}.
 *
 * @example
 * ```js
 * import { openSource } from "ocipeek";
 *
 * const source = await openSource("oci:./layout:latest");
 * const manifest = JSON.parse(new TextDecoder().decode((await source.manifest()).bytes));
 * const config = await source.blob(manifest.config);
 * console.log(JSON.parse(new TextDecoder().decode(config)).os); // linux
 * ```
 */
export class Source {
  readonly #wasm: WasmSource;
  readonly #scope: Scope;
  #last: Costs | undefined;

  /** What errors call it, e.g. `ghcr.io/owner/app`. */
  readonly name: string;
  /** The registry's name; undefined for what is none. */
  readonly registry: string | undefined;
  /** The repository of that registry. */
  readonly repository: string | undefined;

  /** @internal */
  constructor(wasm: WasmSource, scope: Scope, parts?: { registry: string; repository: string }) {
    this.#wasm = wasm;
    this.#scope = scope;
    this.name = wasm.name;
    this.registry = parts?.registry;
    this.repository = parts?.repository;
  }

  /** The manifest or index of a tag or digest, or of what the source was opened with. By digest it is verified. */
  manifest(reference?: string, { signal }: OperationOptions = {}): Promise<Manifest> {
    return this.#scope.run(signal, (stop) => this.#wasm.manifest(reference, stop));
  }

  /** All of a blob, verified. At most `limits.maxZtocSize` bytes. */
  blob(blob: BlobName, { signal }: OperationOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#scope.run(signal, (stop) => this.#wasm.blob(nameOf(blob), stop));
  }

  /** A blob's bytes from `start` on. **Not verified**: whoever reads it all can. */
  blobStream(
    blob: BlobName,
    { start = 0, signal }: OperationOptions & { start?: number | undefined } = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#scope.check();
    const source = new CursorSource(this.#scope, signal, (stop) =>
      this.#wasm.blobStream(nameOf(blob), start, stop),
    );
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      { pull: (controller) => source.pull(controller), cancel: (reason) => source.cancel(reason) },
      { highWaterMark: 0 },
    );
  }

  /** What refers to a manifest, of one type. */
  referrers(digest: string, artifactType: string, { signal }: OperationOptions = {}): Promise<Descriptor[]> {
    return this.#scope.run(signal, (stop) => this.#wasm.referrers(digest, artifactType, stop));
  }

  /** What reading has cost so far; after {@link close}, what it cost in all. */
  get stats(): Omit<ReadStats, "imageBytes"> {
    const source = () => this.#last ?? this.#wasm;
    return {
      ...source().counters(),
      get log() {
        return source().requests();
      },
    };
  }

  /** Stops all that runs and frees the memory. Twice is once. */
  async close(): Promise<void> {
    if (this.#scope.closed) return;
    this.#scope.close();
    try {
      this.#last = lastCosts(this.#wasm);
    } catch {
      // Of a source that was lost nothing is known any more.
    }
    this.#wasm.free();
    if (this.#last) await this.#scope.finished();
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function nameOf({ digest, size, mediaType }: BlobName): { digest: string; size: number; mediaType?: string } {
  if (!Number.isSafeInteger(size) || size < 0) throw invalid("size must be a whole number of bytes");
  return { digest, size, ...(mediaType === undefined ? {} : { mediaType }) };
}
