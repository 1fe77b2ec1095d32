/// <reference lib="esnext.disposable" preserve="true" />
import type { RawDiscovery, RawLayer, Spent, Tree, WasmImage } from "../../wasm/ocipeek.js";
import { defined } from "../common/defined.js";
import { calling, fromWasm, invalid, type OcipeekError } from "../errors.js";
import type { Indexing } from "../indexing/index.js";
import { generation, unweigh } from "../memory.js";
import { isIsolated } from "../runtime.js";
import type { Scope } from "../scope.js";
import type {
  Change,
  Discovery,
  ImageConfig,
  IndexJob,
  IndexLayerOptions,
  LayerInfo,
  LayerReader,
  OperationOptions,
  PlatformBy,
  ReaderOptions,
  ReadStats,
  RequestRecord,
  SociInfo,
  Waste,
  WasteOptions,
} from "../types/index.js";
import { type Costs, costsAfter, lastCosts } from "./costs.js";
import { StatsOf } from "./stats.js";
import { FileTree } from "./tree.js";
import { WasteCounter } from "./waste-counter.js";

/**
 * One layer's own files. Whiteouts (`.wh.NAME`, `.wh..wh..opq`) are visible as files.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * const base = image.layer(0);
 * console.log(base.info.size, await base.readdir("/"));
 * ```
 */
export class LayerView extends FileTree {
  /** The layer. */
  readonly info: LayerInfo;

  /** @internal */
  constructor(info: LayerInfo, tree: () => Tree, scope: Scope) {
    super(tree, scope);
    this.info = info;
  }
}

/** Makes a further reader of an image. */
type MakeReader = (options: ReaderOptions) => Image;

/**
 * An open image: its merged root file system and its layers.
 *
 * Its memory is freed by {@link close} or `await using`, and in time when it is garbage; {@link withImage} closes it by itself.
 *
 * @example
 * ```js
 * import { open } from "ocipeek";
 *
 * const image = await open("ghcr.io/owner/app:1");
 * console.log(image.platform); // linux/amd64
 * console.log(image.layers.length); // 6
 * const { config } = await image.config();
 * await image.readFile("/etc/services");
 * console.log(`${image.stats.requests} requests, ${image.stats.bytes} bytes`);
 * await image.close();
 * ```
 */
export class Image extends FileTree {
  readonly #wasm: WasmImage;
  readonly #handles: { free(): void }[];
  readonly #indexing: Indexing;
  /** That of the library which it was opened in. */
  readonly #instance: number;
  readonly #makeReader: MakeReader;
  readonly #views = new Map<number, LayerView>();
  #layers: readonly LayerInfo[];
  /** Of the image, and at the end what they were. */
  #costs: Costs;

  /** What errors call it, e.g. `ghcr.io/o/app:1`. */
  readonly name: string;
  /** The image manifest's digest. */
  readonly digest: string;
  /** The image index's digest, if the image came out of one. */
  readonly indexDigest: string | undefined;
  /** Why it is this image of its index; undefined where it came out of none. */
  readonly platformBy: PlatformBy | undefined;
  /** All platforms that the image index offers. */
  readonly platforms: readonly string[];
  /** The SOCI index in use. */
  readonly soci: SociInfo | undefined;
  /** How the search for what is attached went; only with {@link OpenOptions.attachedIndex}, where there was one. */
  readonly discovery: Discovery | undefined;
  /** Whether its format makes one tree of its layers: they have no trees and no changes of their own. */
  readonly isMerged: boolean;
  /** The manifest's annotations. */
  readonly annotations: Readonly<Record<string, string>>;

  /** @internal */
  constructor(
    wasm: WasmImage,
    scope: Scope,
    indexing: Indexing,
    { instance, spent }: { instance: number; spent?: Spent | undefined },
    reader: MakeReader,
  ) {
    const root = wasm.root();
    super(() => root, scope);
    this.#wasm = wasm;
    this.#instance = instance;
    this.#costs = spent ? costsAfter(spent, wasm) : wasm;
    this.#handles = [wasm, root];
    this.#indexing = indexing;
    this.#makeReader = reader;
    this.name = wasm.name;
    this.digest = wasm.digest;
    this.indexDigest = wasm.indexDigest;
    this.platformBy = wasm.platformBy;
    this.platforms = wasm.platforms;
    this.soci = wasm.soci();
    this.discovery = discoveryOf(wasm.discovery());
    this.#layers = this.#describe();
    this.isMerged = wasm.isMerged;
    this.annotations = wasm.annotations();
    scope.named(this.name);
    if (!isIsolated()) scope.weighs(wasm);
  }

  /** Whether it can be read: not where it was closed, nor where the library failed since (`INTERNAL`). */
  get isOpen(): boolean {
    try {
      return !this.scope.closed && this.#wasm.digest === this.digest;
    } catch {
      return false;
    }
  }

  /**
   * Whether another instance of the library has taken over since it was opened, as memory of the one that it uses was
   * fragmented (see `setMemoryLimit`). It reads on; whoever keeps open images should close it when it is not in use.
   */
  get isRetired(): boolean {
    return this.#instance !== generation();
  }

  /** The layers, the lowest first, and how each is read; more is known of a layer once it was looked into. */
  get layers(): readonly LayerInfo[] {
    if (this.isOpen) this.#layers = this.#describe();
    return this.#layers;
  }

  #describe(): LayerInfo[] {
    return this.#wasm.layers().map(({ format, setAside, ...layer }) => ({
      ...layer,
      reader: { ...this.#reader(layer, format), ...(setAside === undefined ? {} : { setAside }) },
    }));
  }

  #reader({ read, ztoc }: Pick<LayerInfo, "read" | "ztoc">, format: RawLayer["format"]): LayerReader {
    if (read === "tar" || read === "whole") return { name: "plain", found: "media-type" };
    if (read !== "ztoc") return { name: read, found: format?.found ?? "media-type" };
    const own = ztoc?.verified === "own" || ztoc?.verified === "checked";
    return { name: "soci", found: (!own && this.soci?.found) || "built" };
  }

  /** `os/arch[/variant]`; where the image has no index it is known once {@link config} was asked for. */
  get platform(): string | undefined {
    this.scope.check();
    return calling(() => this.#wasm.platform, this.name);
  }

  /** The image's config: environment, command, labels, history. Fetched at the first call. */
  config(options: OperationOptions = {}): Promise<ImageConfig> {
    return this.scope.run(options.signal, (stop) => this.#wasm.config(stop));
  }

  /** Layer `index` alone, 0 the lowest. */
  layer(index: number): LayerView {
    this.scope.check();
    const known = this.#views.get(index);
    if (known) return known;
    const info = this.#info(index);
    const tree = this.#ofLayer(info, () => this.#wasm.layer(index));
    const at = this.#handles.push(tree) - 1;
    // By way of the image, which is not garbage then as long as there is the view.
    const view = new LayerView(info, () => this.#handles[at] as Tree, this.scope);
    this.#views.set(index, view);
    return view;
  }

  #info(index: number): LayerInfo {
    const info = this.#layers[index];
    if (!info) throw invalid(`there is no layer ${index}; the image has ${this.#layers.length}`, this.name);
    return info;
  }

  #ofLayer<T>({ read }: LayerInfo, find: () => T | undefined): T {
    const found = calling(find, this.name);
    if (!found) throw invalid(`the image's format, ${read}, makes one tree of its layers`, this.name);
    return found;
  }

  /**
   * What layer `index` does to the tree of the layers below it: paths that it adds, changes or removes, and the folders that
   * they are in, depth first, names sorted by their bytes. Whiteouts are not among them: what they remove is.
   *
   * @example
   * ```js
   * import { open } from "ocipeek";
   *
   * const image = await open("ghcr.io/owner/app:1");
   * for await (const { change, stats } of image.changes(1)) {
   *   if (change === "removed") console.log(stats.path, stats.size);
   * }
   * ```
   */
  async *changes(index: number, options: OperationOptions = {}): AsyncGenerator<Change, void, undefined> {
    this.scope.check();
    const info = this.#info(index);
    const open = () => this.#ofLayer(info, () => this.#wasm.changes(index));
    for await (const batch of this.batches(open, options.signal)) {
      for (const raw of batch) {
        const { change, replaced } = raw;
        const stats = new StatsOf(raw);
        yield replaced ? { change, stats, replaced: new StatsOf(replaced) } : { change, stats };
      }
    }
  }

  /**
   * Content of layers that nobody sees, as upper layers replace or remove it, and each layer in numbers: goes through the
   * changes of all layers.
   *
   * @example
   * ```js
   * import { open } from "ocipeek";
   *
   * const image = await open("ghcr.io/owner/app:1");
   * const { wasted, total, worst } = await image.waste();
   * console.log(`${wasted} of ${total} bytes are wasted, most at ${worst[0]?.path}`);
   * ```
   */
  async waste({ signal, onChange }: WasteOptions = {}): Promise<Waste> {
    const counter = new WasteCounter();
    for (const { index } of this.layers) {
      counter.begin(index);
      for await (const change of this.changes(index, { signal })) {
        counter.add(change);
        onChange?.(index, change);
      }
    }
    return counter.finish(async (path) => {
      const there = (await this.exists(path, { signal })) && (await this.lstat(path, { signal }));
      return there !== false && there.isFile();
    });
  }

  /**
   * A further reader of the image, with all of its methods. What is known of the image (manifests, tables, sign-in, verified
   * pieces in memory) is shared by all of its readers; what this one has under way is its own: requests and their
   * `fetch`, {@link stats}, limits, cancellation. Closing it closes no other; the image may be closed before it.
   *
   * Readers that want the same piece at the same time share one request, which goes on as long as one of them waits for it.
   * On an edge, where what came for one request must not be used by another, each asks for itself.
   *
   * @example
   * ```js
   * import { open } from "ocipeek";
   *
   * const image = await open("ghcr.io/owner/app:1");
   * const reader = image.reader({ signal: AbortSignal.timeout(30_000) });
   * await reader.readFile("/etc/services");
   * console.log(reader.stats.requests > 0); // true
   * await reader.close();
   * ```
   */
  reader(options: ReaderOptions = {}): Image {
    this.scope.check();
    return calling(() => this.#makeReader(options), this.name);
  }

  /**
   * Builds the index of a layer that has none: the layer streams past once, and its digest is checked. From then on it is
   * read lazily, here (unless it was read whole before) and by each later {@link open} whose cache keeps the index. A
   * layer that has an index, also one that the cache keeps, is done at once.
   *
   * ```ts
   * const job = image.indexLayer(2);
   * for await (const { bytes, total, newEntries } of job) show(bytes / total, newEntries);
   * const layer = await job.done;
   * ```
   *
   * Who wants the same layer at the same time, by whatever image that was opened with the same `auth`, shares the pass. `done` is rejected with
   * `DIGEST_MISMATCH` where the layer's bytes are others than its digest says, `UNSUPPORTED` for zstd and what else no
   * zTOC can tell of, `CORRUPT_LAYER`, `NETWORK`, `LIMIT_EXCEEDED`, `ABORTED`; nothing is kept then.
   */
  indexLayer(index: number, options: IndexLayerOptions = {}): IndexJob {
    return this.#indexing.job(index, options, () => this.layers);
  }

  /**
   * Looks which layers without an index the cache keeps one of, so that {@link layers} tells how they are read. Reading
   * finds them too. What is damaged is as if it were not there.
   */
  async findKeptIndexes(options: OperationOptions = {}): Promise<readonly LayerInfo[]> {
    await this.#indexing.findKept(options.signal);
    return this.layers;
  }

  /**
   * Asks the registry which SOCI indexes are attached to the image (version 1), without reading by any of them: with
   * {@link OpenOptions.attachedIndex} the image is opened by the first that fits.
   */
  async findAttachedIndexes(options: OperationOptions = {}): Promise<Discovery> {
    const found = await this.scope.run(options.signal, (stop) => this.#wasm.findAttachedIndexes(stop));
    return discoveryOf(found);
  }

  /** Fetches the parts that the SOCI index says will be needed first. Does nothing where it names none. */
  prefetch(options: OperationOptions = {}): Promise<void> {
    return this.scope.run(options.signal, (stop) => this.#wasm.prefetch(stop));
  }

  /**
   * Lets at most so many bytes more be inflated. What would need more fails with `LIMIT_EXCEEDED` and
   * `limit: "maxInflatedBytes"`, before it is inflated; until it is called again, with which reading can go on.
   */
  allowInflated(bytes: number): void {
    this.scope.check();
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw invalid("allowInflated wants a whole number of bytes", this.name);
    calling(() => this.#wasm.allowInflated(bytes), this.name);
  }

  /** What reading has cost so far; after {@link close}, what it cost in all. */
  get stats(): ReadStats {
    const costs = () => this.#costs;
    const stats = {
      ...calling(() => costs().counters()),
      imageBytes: this.#layers.reduce((sum, layer) => sum + layer.size, 0),
      get log(): RequestRecord[] {
        return calling(() => costs().requests());
      },
    };
    // A console would show a getter in place of the requests.
    return Object.defineProperty(stats, Symbol.for("nodejs.util.inspect.custom"), {
      value: () => ({ ...stats }),
    });
  }

  /**
   * Stops all that runs and frees the memory; then waits until what was read is written to the {@link OpenOptions.cache}.
   * Twice is once.
   */
  async close(): Promise<void> {
    if (this.scope.closed) return;
    const { isOpen } = this;
    // Of an image that was lost nothing is known any more.
    if (isOpen) this.#costs = lastCosts(this.#costs);
    this.scope.close();
    for (const handle of this.#handles) handle.free();
    unweigh(this.#wasm);
    if (isOpen) await this.scope.finished();
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function discoveryOf(raw: RawDiscovery): Discovery;
function discoveryOf(raw: RawDiscovery | undefined): Discovery | undefined;
function discoveryOf(raw: RawDiscovery | undefined): Discovery | undefined {
  if (!raw?.failed) return raw && { found: raw.found };
  const { code, message, digest, status } = fromWasm(raw.failed) as OcipeekError;
  return { found: raw.found, failed: { code, message, ...defined({ digest, status }) } };
}
