/** Changes of layers: what each does to those below it, and what they waste. @module */
import type { Change, Image } from "ocipeek";
import { encodePath } from "../../../../web/path.ts";
import type { LayerChanges, Waste } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { CatalogueBuilder } from "../catalogue/builder.ts";
import { type Catalogues, rowOf } from "../catalogue/store.ts";
import { failureOf } from "../failure.ts";
import type { Images } from "../images/images.ts";
import { invalidArgument } from "../library.ts";

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
    return this.#images.use(context, id, (image) => {
      const onLayer = (done: number): void => progress({ done, total: image.layers.length });
      return analyse(image, () => this.#catalogues.nextId(), onLayer, signal);
    });
  }
}

/** Goes through the changes of all layers. `nextId`: for their catalogues. `onLayer` is told how many layers are begun. */
export async function analyse(
  image: Image,
  nextId: () => number,
  onLayer?: (layers: number) => void,
  signal?: AbortSignal,
): Promise<Analysis> {
  const trees: CatalogueBuilder[] = [];
  const onChange = (layer: number, { change, stats }: Change): void => {
    while (trees.length <= layer) {
      trees.push(new CatalogueBuilder());
      onLayer?.(trees.length);
    }
    trees[layer]?.add(rowOf(stats), change);
  };
  const { worst, ...waste } = await image.waste({ signal, onChange });
  const layers = waste.layers.map((tally): LayerChanges => {
    const tree = trees[tally.layer] ?? new CatalogueBuilder();
    return { ...tally, catalogue: tree.finish(nextId()) };
  });
  const paths = worst.map(({ pathBytes, copies, wasted }) => ({
    path: encodePath(pathBytes),
    copies,
    wasted,
  }));
  return { layers, waste: { ...waste, worst: paths } };
}
