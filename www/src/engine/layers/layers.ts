/** What the layers of an image do to each other. @module */
import { nextTask } from "../../../../js/common/turns.ts";
import type { LayerChanges, LayerTally, Waste } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { addLayer, emptyTree, type Merged } from "../catalogue/merge.ts";
import type { Catalogues } from "../catalogue/store.ts";
import { type Tree, walkTree } from "../catalogue/tree.ts";
import { failureOf } from "../failure.ts";
import type { Images } from "../images/images.ts";
import { invalidArgument } from "../library.ts";
import { wasteOf } from "./waste.ts";

/** What all layers do: found in one go, as each needs those below it. */
export interface Analysis {
  layers: LayerChanges[];
  waste: Waste;
}

/** The analyses of images. */
export class Layers {
  readonly #images: Images;
  readonly #catalogues: Catalogues;
  /** Of the image that was asked for last. */
  #last: { id: number; analysis: Analysis } | undefined;
  #running: { id: number; analysis: Promise<Analysis> } | undefined;

  constructor(images: Images, catalogues: Catalogues) {
    this.#images = images;
    this.#catalogues = catalogues;
  }

  /** One layer's changes. */
  async changes(context: CallContext, id: number, layer: number): Promise<LayerChanges> {
    const { layers } = await this.#analysis(context, id);
    const changes = layers[layer];
    if (!changes) throw invalidArgument(`there is no layer ${layer}`);
    return changes;
  }

  /** What is wasted, and the tallies of all layers. */
  async waste(context: CallContext, id: number): Promise<Waste> {
    return (await this.#analysis(context, id)).waste;
  }

  async #analysis(context: CallContext, id: number): Promise<Analysis> {
    if (this.#last?.id === id) return this.#last.analysis;
    if (this.#running?.id === id) {
      try {
        return await this.#running.analysis;
      } catch (error) {
        // Its caller stopped it; this one did not.
        if (failureOf(error).code !== "ABORTED" || context.signal.aborted) throw error;
        return this.#analysis(context, id);
      }
    }
    const analysis = this.#analyse(context, id);
    const running = { id, analysis };
    this.#running = running;
    try {
      const done = await analysis;
      for (const { catalogue } of this.#last?.analysis.layers ?? []) this.#catalogues.release(catalogue.id);
      for (const { catalogue } of done.layers) this.#catalogues.keep(catalogue);
      this.#last = { id, analysis: done };
      return done;
    } finally {
      if (this.#running === running) this.#running = undefined;
    }
  }

  async #analyse(context: CallContext, id: number): Promise<Analysis> {
    const { signal, progress } = context;
    const trees: Tree[] = [];
    await this.#images.use(context, id, async (image) => {
      const total = image.layers.length;
      for (let index = 0; index < total; index++) {
        trees.push(await walkTree(image.layer(index), signal, true));
        progress({ done: index + 1, total });
      }
    });
    return analyse(trees, () => this.#catalogues.nextId(), signal);
  }
}

/** Lays the layers over each other. `nextId`: for the catalogues of changes. */
export async function analyse(
  trees: readonly Tree[],
  nextId: () => number,
  signal?: AbortSignal,
): Promise<Analysis & { root: Tree }> {
  const steps: Omit<Merged, "state">[] = [];
  let root = emptyTree();
  for (const tree of trees) {
    await nextTask();
    signal?.throwIfAborted();
    const { state, ...step } = addLayer(root, tree, nextId());
    root = state;
    steps.push(step);
  }
  const { layers: contents, ...waste } = wasteOf(trees, root);
  const tallies = steps.map(({ added, changed, removed }, layer): LayerTally => {
    const { total = 0, wasted = 0 } = contents[layer] ?? {};
    return { layer, added, changed, removed, total, wasted };
  });
  const layers = tallies.map((tally, layer): LayerChanges => {
    const { catalogue } = steps[layer]?.changes ?? root;
    return { ...tally, catalogue };
  });
  return { layers, waste: { ...waste, layers: tallies }, root };
}
