/** The open images. @module */

import { referenceOf } from "../../../../web/reference.ts";
import type {
  AttachedIndexes,
  Cost,
  ImageSource,
  OpenedImage,
  Reading,
  Route,
  TreeRef,
} from "../../protocol/api.ts";
import { EngineError } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { BoundedMemory, type EngineCache } from "../cache/memory.ts";
import { explained } from "../failure.ts";
import type { FileTree } from "../library.ts";
import { type Image, imagesIn, invalidArgument, open } from "../library.ts";
import type { Registries } from "../registry/registries.ts";
import { Transport } from "../registry/transport.ts";
import { filesOf, localKey } from "./local.ts";

/** Images that stay open although nobody uses them now: the one on screen, the other of a comparison, the last ones. */
const KEPT_OPEN = 4;
/** The page shows how long to wait, so the package need not do it for long. */
const LIMITS = { maxRetryAfter: 2 };

/** What is told of requests and bytes. */
type Listeners = Set<CallContext>;

/** One image, open or to be opened again. */
interface Entry {
  readonly id: number;
  readonly source: ImageSource;
  readonly platform: string | undefined;
  readonly reading: Reading;
  readonly transport: Transport | undefined;
  /** Who listens to its requests and bytes now. */
  readonly listeners: Listeners;
  /** Not set while it is closed to save memory. */
  image: Image | undefined;
  /** What is known since it was opened. */
  known: OpenedImage | undefined;
  /** What it cost before it was closed. */
  spent: Cost | undefined;
  opening: Opening | undefined;
  /** Of a local source: all images in it. */
  tags: string[];
}

/** An opening that several callers may wait for; it stops when the last one goes. */
interface Opening {
  readonly done: Promise<Image>;
  readonly stop: AbortController;
  waiting: number;
}

/** The images that the page has open, by the ids that it names them by. */
export class Images {
  readonly #registries: Registries;
  readonly #cache: EngineCache;
  /** By key, the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  /** Private images are not written to the disk. */
  readonly #private = new BoundedMemory();
  /** One for all images, so that they share passes over their layers. */
  readonly #auth = (host: string) => this.#registries.credentials(host);
  #last = 0;

  constructor(registries: Registries, cache: EngineCache) {
    this.#registries = registries;
    this.#cache = cache;
  }

  /** Opens an image; one that is open already is given again. */
  async open(
    context: CallContext,
    source: ImageSource,
    platform: string | undefined,
    reading: Reading = {},
  ): Promise<OpenedImage> {
    const { reader, unverified = false, attached = false } = reading;
    const key = JSON.stringify([sourceKey(source), platform, reader, unverified, attached]);
    const entry = this.#entries.get(key) ?? this.#newEntry(key, source, platform, reading);
    try {
      await this.#opened(context, entry);
    } finally {
      // What could not be opened leaves nothing.
      if (!entry.known && !entry.opening) this.#entries.delete(key);
    }
    return this.describe(entry.id);
  }

  /** Runs `work` on an image; the caller hears of requests and bytes meanwhile. */
  async use<T>(context: CallContext, id: number, work: (image: Image) => Promise<T>): Promise<T> {
    const entry = this.#entry(id);
    const image = await this.#opened(context, entry);
    entry.listeners.add(context);
    try {
      return await work(image);
    } catch (error) {
      throw explained(error, entry.transport);
    } finally {
      entry.listeners.delete(context);
    }
  }

  /** The image itself: opened again, where it was closed to save memory. Work on it within {@link use}. */
  get(context: CallContext, id: number): Promise<Image> {
    return this.#opened(context, this.#entry(id));
  }

  /** What is attached to an image. That the search fails is no reason not to read. */
  async findAttached(context: CallContext, id: number): Promise<AttachedIndexes> {
    const { signal } = context;
    const { found, failed } = await this.use(context, id, (image) => image.findAttachedIndexes({ signal }));
    return { count: found.length, failed: failed?.message };
  }

  /** As {@link use}, with the tree that is meant. */
  useTree<T>(
    context: CallContext,
    ref: TreeRef,
    work: (tree: FileTree, image: Image) => Promise<T>,
  ): Promise<T> {
    return this.use(context, ref.image, (image) =>
      work(ref.layer === undefined ? image : image.layer(ref.layer), image),
    );
  }

  /** What is known of an image by now. */
  describe(id: number): OpenedImage {
    const entry = this.#entry(id);
    if (entry.image?.isOpen) {
      entry.known = describe(entry, entry.image);
      return entry.known;
    }
    if (!entry.known) throw invalidArgument("the image is not open");
    return entry.known;
  }

  /** Opens an image anew: what it had in memory is gone, and what the cache keeps by now is used. */
  async reopen(context: CallContext, id: number): Promise<OpenedImage> {
    const entry = this.#entry(id);
    await this.#shut(entry);
    await this.#opened(context, entry);
    return this.describe(id);
  }

  /** What reading an image has cost. */
  cost(id: number, withLog: boolean): Cost {
    const { image, spent } = this.#entry(id);
    const all = sum(spent, image?.isOpen ? image.stats : undefined);
    if (withLog) return all;
    const { log: _, ...cost } = all;
    return cost;
  }

  /** Closes an image for good. */
  async close(id: number): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (entry.id !== id) continue;
      this.#entries.delete(key);
      entry.opening?.stop.abort();
      await entry.image?.close();
    }
  }

  /** Closes all images of a registry, as they were opened by other credentials. */
  async closeRegistry(registry: string): Promise<void> {
    for (const { id, source } of [...this.#entries.values()]) {
      if (source.kind === "registry" && referenceOf(source.reference)?.registry === registry) {
        await this.close(id);
      }
    }
    await this.#private.clear();
  }

  /** The image, opened again where it was closed to save memory. */
  async #opened(context: CallContext, entry: Entry): Promise<Image> {
    this.#touch(entry);
    if (entry.image?.isOpen) return entry.image;
    // The library failed since: the image is lost with the instance that had it, and opened again by a new one.
    await this.#shut(entry);
    entry.opening ??= this.#start(entry);
    const { opening } = entry;
    opening.waiting++;
    entry.listeners.add(context);
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(stopped());
    context.signal.addEventListener("abort", leave, { once: true });
    try {
      if (context.signal.aborted) throw stopped();
      return await Promise.race([opening.done, left.promise]);
    } finally {
      context.signal.removeEventListener("abort", leave);
      entry.listeners.delete(context);
      if (--opening.waiting === 0 && entry.opening === opening) {
        entry.opening = undefined;
        opening.stop.abort();
      }
    }
  }

  #start(entry: Entry): Opening {
    const stop = new AbortController();
    const done = this.#openAt(entry, stop.signal).then((image) => {
      if (stop.signal.aborted) {
        void image.close();
        throw stopped();
      }
      entry.image = image;
      entry.known = describe(entry, image);
      entry.opening = undefined;
      void this.#closeUnused();
      return image;
    });
    // Callers that left do not look at it any more.
    done.catch(() => {});
    return { done, stop, waiting: 0 };
  }

  async #openAt(entry: Entry, signal: AbortSignal): Promise<Image> {
    const { source, platform, reading, transport, listeners, known } = entry;
    const before = { requests: entry.spent?.requests ?? 0, bytes: entry.spent?.bytes ?? 0 };
    const common = {
      platform,
      reader: reading.reader,
      verify: !reading.unverified,
      attachedIndex: reading.attached === true,
      signal,
      limits: LIMITS,
      onProgress: ({ requests, bytes }: { requests: number; bytes: number }) => {
        const progress = { requests: before.requests + requests, bytes: before.bytes + bytes };
        for (const listener of listeners) listener.progress(progress);
      },
    };
    try {
      if (source.kind === "registry") {
        const registry = referenceOf(source.reference)?.registry ?? "";
        const isPrivate = this.#registries.credentials(registry) !== undefined;
        // Opened again it is the same image, whatever the tag names by now.
        const reference = known ? pinned(source.reference, known) : source.reference;
        const image = await open(reference, {
          ...common,
          ...(transport ? { fetch: transport.fetch, plainHttp: transport.isPlain } : {}),
          cache: isPrivate ? this.#private : this.#cache,
          // It is this origin's own.
          index: "kept",
          auth: this.#auth,
        });
        // Whether to ask before whole layers are fetched depends on it.
        await image.findKeptIndexes({ signal });
        return image;
      }
      const files = filesOf(source);
      entry.tags = await imagesIn(files, { signal });
      return await open(files, { ...common, tag: source.tag });
    } catch (error) {
      throw explained(error, transport);
    }
  }

  #newEntry(key: string, source: ImageSource, platform: string | undefined, reading: Reading): Entry {
    const reference = source.kind === "registry" ? referenceOf(source.reference) : undefined;
    const entry: Entry = {
      id: ++this.#last,
      source,
      platform,
      reading,
      transport: reference && new Transport(this.#registries, reference.registry),
      listeners: new Set(),
      image: undefined,
      known: undefined,
      spent: undefined,
      opening: undefined,
      tags: [],
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Closes what was not used for longest; its id stays good. */
  async #closeUnused(): Promise<void> {
    const idle = [...this.#entries.values()].filter((it) => it.image && it.listeners.size === 0);
    const open = [...this.#entries.values()].filter((it) => it.image).length;
    for (const entry of idle.slice(0, Math.max(0, open - KEPT_OPEN))) await this.#shut(entry);
  }

  /** Closes an image; its id stays good. */
  async #shut(entry: Entry): Promise<void> {
    const { image } = entry;
    if (!image) return;
    entry.image = undefined;
    if (!image.isOpen) return image.close();
    entry.known = describe(entry, image);
    await image.close();
    entry.spent = sum(entry.spent, image.stats);
  }

  #touch(entry: Entry): void {
    for (const [key, it] of this.#entries) {
      if (it !== entry) continue;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return;
    }
  }

  #entry(id: number): Entry {
    for (const entry of this.#entries.values()) if (entry.id === id) return entry;
    throw invalidArgument("the image was closed");
  }
}

function sourceKey(source: ImageSource): unknown {
  return source.kind === "registry" ? source.reference : localKey(source);
}

/** The reference by the digest that it had. */
function pinned(reference: string, { indexDigest, digest }: OpenedImage): string {
  return reference.includes("@") ? reference : `${reference}@${indexDigest ?? digest}`;
}

function describe({ id, source, reading, transport, tags }: Entry, image: Image): OpenedImage {
  const { name, digest, indexDigest, platform, platformBy, isMerged, soci, annotations } = image;
  const route: Route = source.kind === "registry" ? (transport?.route ?? "direct") : "local";
  return {
    id,
    name,
    digest,
    indexDigest,
    platform,
    platformBy,
    platforms: [...image.platforms],
    layers: [...image.layers],
    isMerged,
    soci,
    annotations,
    reader: reading.reader,
    unverified: reading.unverified === true,
    attached: reading.attached === true,
    route,
    tags,
  };
}

const SUMMED = ["requests", "bytes", "retries", "cacheHits", "cacheMisses", "inflated"] as const;

/** What an image cost before it was closed, and since. */
function sum(before: Cost | undefined, since: Cost | undefined): Cost {
  const sums = SUMMED.map((name) => [name, (before?.[name] ?? 0) + (since?.[name] ?? 0)]);
  return {
    ...(Object.fromEntries(sums) as Pick<Cost, (typeof SUMMED)[number]>),
    imageBytes: since?.imageBytes ?? before?.imageBytes ?? 0,
    log: [...(before?.log ?? []), ...(since?.log ?? [])],
  };
}

function stopped(): EngineError {
  return new EngineError({ code: "ABORTED", message: "stopped by the caller" });
}
