/** The engine: {@link EngineApi} over the package. What each call does stands in the module of its subject. @module */
import type { EngineApi } from "../protocol/api.ts";
import type { Served } from "../protocol/rpc.ts";
import { LocalCache } from "./cache/cache.ts";
import type { EngineCache } from "./cache/memory.ts";
import { Catalogues } from "./catalogue/store.ts";
import { Comparisons } from "./compare/compare.ts";
import { diff } from "./compare/diff.ts";
import { download, downloadTar } from "./files/download.ts";
import { Files } from "./files/files.ts";
import { Images } from "./images/images.ts";
import { imagesIn } from "./images/local.ts";
import { Indexings } from "./layers/indexing.ts";
import { Layers } from "./layers/layers.ts";
import { PLATFORM, type Platform, Registries } from "./registry/registries.ts";
import { tags } from "./registry/tags.ts";

/** A new engine, without an image. `platform` and `cache` are the browser's where they are not given. */
export function createEngine(
  platform: Platform = PLATFORM,
  cache: EngineCache = new LocalCache(),
): Served<EngineApi> {
  const registries = new Registries(platform);
  const images = new Images(registries, cache);
  const files = new Files(images);
  const catalogues = new Catalogues();
  const layers = new Layers(images, catalogues);
  const indexings = new Indexings(images, catalogues);
  const comparisons = new Comparisons(images, catalogues);
  return {
    configure: (_, site) => registries.configure(site),
    open: (context, source, platform, reading) => images.open(context, source, platform, reading),
    close: (_, image) => images.close(image),
    image: (_, image) => images.describe(image),
    indexLayer: (context, image, layer) => indexings.run(context, image, layer),
    pauseIndexing: (_, image, layer, isPaused) => indexings.pause(image, layer, isPaused),
    findAttached: (context, image) => images.findAttached(context, image),
    config: (context, image) => images.use(context, image, (it) => it.config({ signal: context.signal })),
    imagesIn: (context, source) => imagesIn(context, source),
    tags: (context, reference) => tags(context, registries, reference),
    signIn: async (_, registry, credentials) => {
      await registries.signIn(registry, credentials);
      await images.closeRegistry(registry);
    },
    catalogue: (context, tree) => catalogues.build(context, images, tree),
    filter: (context, catalogue, query) => catalogues.filter(context, catalogue, query),
    release: (_, catalogue) => catalogues.release(catalogue),
    stat: (context, file, follow) => files.stat(context, file, follow),
    read: (context, file, start, end) => files.read(context, file, start, end),
    hash: (context, file) => files.hash(context, file),
    identify: (context, file) => files.identify(context, file),
    download: (context, file) => download(context, images, file),
    downloadTar: (context, file) => downloadTar(context, images, file),
    layerChanges: (context, image, layer) => layers.changes(context, image, layer),
    waste: (context, image) => layers.waste(context, image),
    compare: (context, left, right) => comparisons.compare(context, left, right),
    compareContents: (context, left, right, paths) => comparisons.contents(context, left, right, paths),
    diff: (context, left, right, around) => diff(context, files, left, right, around),
    cost: (_, image, log) => images.cost(image, log),
    cacheState: () => cache.state(),
    clearCache: async () => {
      await cache.clear();
      await registries.routes.clear();
      return cache.state();
    },
  };
}
