/** The open images. @module */

import type { ImageSource, OpenedImage, TreeRef } from "../protocol/api.ts";
import type { CallContext } from "../protocol/rpc.ts";
import type { FileTree } from "./library.ts";
import { type Image, invalidArgument, open } from "./library.ts";

interface Entry {
  readonly key: string;
  readonly image: Image;
  /** Who listens to its requests and bytes now. */
  readonly listeners: Set<CallContext>;
}

/** The images that the page has open, by the ids that it names them by. */
export class Images {
  readonly #open = new Map<number, Entry>();
  #last = 0;

  /** Opens an image; one that is open already is given again. */
  async open(context: CallContext, source: ImageSource, platform: string | undefined): Promise<OpenedImage> {
    const key = JSON.stringify([sourceKey(source), platform]);
    for (const [id, entry] of this.#open) if (entry.key === key) return describe(id, entry.image);
    const listeners = new Set([context]);
    const where =
      source.kind === "registry" ? source.reference : source.kind === "file" ? source.file : undefined;
    if (where === undefined) throw invalidArgument("folders are not read yet");
    const image = await open(where, {
      platform,
      signal: context.signal,
      onProgress: (progress) => {
        for (const listener of listeners) listener.progress(progress);
      },
    });
    listeners.delete(context);
    const id = ++this.#last;
    this.#open.set(id, { key, image, listeners });
    return describe(id, image);
  }

  /** Runs `work` on an image; the caller hears of requests and bytes meanwhile. */
  async use<T>(context: CallContext, id: number, work: (image: Image) => Promise<T>): Promise<T> {
    const entry = this.#entry(id);
    entry.listeners.add(context);
    try {
      return await work(entry.image);
    } finally {
      entry.listeners.delete(context);
    }
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
    return describe(id, this.#entry(id).image);
  }

  /** An image, for what costs nothing. */
  get(id: number): Image {
    return this.#entry(id).image;
  }

  async close(id: number): Promise<void> {
    const entry = this.#open.get(id);
    this.#open.delete(id);
    await entry?.image.close();
  }

  #entry(id: number): Entry {
    const entry = this.#open.get(id);
    if (!entry) throw invalidArgument("the image was closed");
    return entry;
  }
}

function sourceKey(source: ImageSource): unknown {
  if (source.kind === "registry") return source.reference;
  if (source.kind === "file")
    return [source.file.name, source.file.size, source.file.lastModified, source.tag];
  return [source.name, source.files.size, source.tag];
}

function describe(id: number, image: Image): OpenedImage {
  const { name, digest, indexDigest, platform, platforms, layers, soci, annotations } = image;
  return {
    id,
    name,
    digest,
    indexDigest,
    platform,
    platforms: [...platforms],
    layers: [...layers],
    soci,
    annotations,
    route: "direct",
    tags: [],
  };
}
