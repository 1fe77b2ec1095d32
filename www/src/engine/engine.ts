/** The engine: {@link EngineApi} over the package. What each call does stands in the module of its subject. @module */
import { type EngineApi, EngineError } from "../protocol/api.ts";
import type { Served } from "../protocol/rpc.ts";
import { Catalogues } from "./catalogues.ts";
import { Comparisons } from "./compare.ts";
import { diff } from "./diff.ts";
import { download, downloadTar } from "./download.ts";
import { hash, identify, read, stat } from "./files.ts";
import { filter } from "./filter.ts";
import { Images } from "./images.ts";
import { Layers } from "./layers.ts";
import { imagesIn } from "./local.ts";

/** A new engine, without an image. */
export function createEngine(): Served<EngineApi> {
  const images = new Images();
  const catalogues = new Catalogues();
  const layers = new Layers(images, catalogues);
  const comparisons = new Comparisons(images, catalogues);
  const missing = (): never => {
    throw new EngineError({ code: "UNSUPPORTED", message: "UNSUPPORTED: not built yet" });
  };
  return {
    configure: () => {},
    open: (context, source, platform) => images.open(context, source, platform),
    close: (_, image) => images.close(image),
    image: (_, image) => images.describe(image),
    config: (context, image) => images.use(context, image, (it) => it.config({ signal: context.signal })),
    imagesIn: (context, source) => imagesIn(context, source),
    tags: missing,
    signIn: missing,
    catalogue: (context, tree) => catalogues.build(context, images, tree),
    filter: (_, catalogue, query) => filter(catalogues.get(catalogue), query),
    release: (_, catalogue) => catalogues.release(catalogue),
    stat: (context, file, follow) => stat(context, images, file, follow),
    read: (context, file, start, end) => read(context, images, file, start, end),
    hash: (context, file) => hash(context, images, file),
    identify: (context, file) => identify(context, images, file),
    download: (context, file) => download(context, images, file),
    downloadTar: (context, file) => downloadTar(context, images, file),
    layerChanges: (context, image, layer) => layers.changes(context, image, layer),
    waste: (context, image) => layers.waste(context, image),
    compare: (context, left, right) => comparisons.compare(context, left, right),
    compareContents: (context, left, right, paths) => comparisons.contents(context, left, right, paths),
    diff: (context, left, right, around) => diff(context, images, left, right, around),
    cost: (_, image, log) => {
      const { log: requests, ...cost } = images.get(image).stats;
      return log ? { ...cost, log: requests } : cost;
    },
    cacheState: missing,
    clearCache: missing,
  };
}
