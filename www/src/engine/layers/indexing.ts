/** Indexing of layers that have no index; what is in them is told meanwhile. @module */
import type { IndexJob, IndexProgress } from "ocipeek";
import type { IndexNews, OpenedImage } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { GrowingTree } from "../catalogue/incremental.ts";
import type { Catalogues } from "../catalogue/store.ts";
import type { Images } from "../images/images.ts";

/** The first tree is told after so long; then each after as long as all before took together, at least. */
const TREE_MS = 700;

/** The jobs, one for each layer. */
export class Indexings {
  readonly #images: Images;
  readonly #catalogues: Catalogues;
  readonly #jobs = new Map<string, IndexJob>();

  constructor(images: Images, catalogues: Catalogues) {
    this.#images = images;
    this.#catalogues = catalogues;
  }

  /** See `EngineApi.indexLayer`. */
  async run(context: CallContext, id: number, layer: number): Promise<OpenedImage> {
    const key = `${id} ${layer}`;
    await this.#images.use(context, id, async (image) => {
      const job = image.indexLayer(layer, { signal: context.signal });
      this.#jobs.set(key, job);
      try {
        await this.#follow(context, job, layer);
      } finally {
        if (this.#jobs.get(key) === job) this.#jobs.delete(key);
      }
    });
    // What was read whole before keeps that in memory: opened anew, it has the index.
    const known = this.#images.describe(id);
    if (known.layers[layer]?.read === "whole") await this.#images.reopen(context, id);
    return this.#images.describe(id);
  }

  /** See `EngineApi.pauseIndexing`. */
  pause(id: number, layer: number, isPaused: boolean): void {
    const job = this.#jobs.get(`${id} ${layer}`);
    if (isPaused) job?.pause();
    else job?.resume();
  }

  async #follow(context: CallContext, job: IndexJob, layer: number): Promise<void> {
    const tree = new GrowingTree(layer);
    let next = Date.now() + TREE_MS;
    for await (const progress of job) {
      for (const entry of progress.newEntries) tree.add(entry);
      const news = newsOf(progress);
      const started = Date.now();
      if (started < next || !tree.hasNews) {
        context.progress({ index: news });
        continue;
      }
      context.progress({ index: { ...news, tree: tree.catalogue(this.#catalogues.nextId()) } });
      const now = Date.now();
      next = now + Math.max(TREE_MS, 4 * (now - started));
    }
  }
}

function newsOf(progress: IndexProgress): IndexNews {
  const { layer, bytes, total, entries, bytesPerSecond, etaSeconds, paused } = progress;
  return { layer, bytes, total, entries, bytesPerSecond, etaSeconds, paused };
}
