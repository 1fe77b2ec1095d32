/** Comparison of two open images. @module */

import type { Comparison } from "../../protocol/api.ts";
import { firstDifference, MARKS, markedEntries } from "../../protocol/catalogue.ts";
import { decodePath, type EncodedPath, pathOf } from "../../protocol/path.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import type { CatalogueBuilder } from "../catalogue/builder.ts";
import { mergeTrees, type Side, talliesOf } from "../catalogue/merge.ts";
import { type Catalogues, rowsOf } from "../catalogue/store.ts";
import type { Images } from "../images/images.ts";
import type { FileTree, Image } from "../library.ts";

/** Files whose contents are compared at once. */
const AT_ONCE = 4;

/** Two images by their ids: one that was closed to save memory is opened again under the same. */
interface Pair {
  left: number;
  right: number;
  builder: CatalogueBuilder;
  comparison: Comparison;
  /** By paths, whether contents are equal. */
  verdicts: Map<EncodedPath, boolean>;
}

/** Comparisons; the pair that was asked for last is kept, with the verdicts on its contents. */
export class Comparisons {
  readonly #images: Images;
  readonly #catalogues: Catalogues;
  #last: Pair | undefined;

  constructor(images: Images, catalogues: Catalogues) {
    this.#images = images;
    this.#catalogues = catalogues;
  }

  /** Compares names and attributes; contents as far as {@link contents} was asked for. */
  async compare(context: CallContext, left: number, right: number): Promise<Comparison> {
    const pair = await this.#pair(context, left, right);
    const { builder, comparison, verdicts } = pair;
    this.#catalogues.release(comparison.catalogue.id);
    const catalogue = { ...comparison.catalogue, id: this.#catalogues.nextId() };
    for (const entry of markedEntries(catalogue, ["unverified-same"])) {
      const isEqual = verdicts.get(pathOf(catalogue, entry));
      if (isEqual !== undefined) catalogue.mark[entry] = MARKS.indexOf(isEqual ? "none" : "changed");
    }
    pair.comparison = { ...comparison, ...talliesOf(builder, catalogue), catalogue };
    this.#catalogues.keep(catalogue);
    return pair.comparison;
  }

  /** Reads files on both sides; gives the paths at which they differ. */
  async contents(
    context: CallContext,
    left: number,
    right: number,
    paths: EncodedPath[],
  ): Promise<EncodedPath[]> {
    const pair = await this.#pair(context, left, right);
    const { signal } = context;
    const differ = new Set<EncodedPath>();
    let next = 0;
    let done = 0;
    const work = async (first: FileTree, second: FileTree): Promise<void> => {
      for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
        const equal = await equalContents(first, second, decodePath(path), signal).catch((error) => {
          // The others stop as well.
          next = paths.length;
          throw error;
        });
        pair.verdicts.set(path, equal);
        if (!equal) differ.add(path);
        context.progress({ done: ++done, total: paths.length });
      }
    };
    await this.#images.use(context, left, (first) =>
      this.#images.use(context, right, (second) =>
        Promise.all(Array.from({ length: AT_ONCE }, () => work(first, second))),
      ),
    );
    return paths.filter((path) => differ.has(path));
  }

  async #pair(context: CallContext, left: number, right: number): Promise<Pair> {
    const last = this.#last;
    if (last?.left === left && last.right === right) return last;
    const side = (image: Image): Side => ({
      rows: rowsOf(image, context.signal),
      layers: image.layers.map((layer) => layer.digest),
      merged: image.isMerged ? image.digest : undefined,
    });
    const pair = await this.#images.use(context, left, (first) =>
      this.#images.use(context, right, async (second): Promise<Pair> => {
        const [a, b] = [side(first), side(second)];
        const builder = await mergeTrees(a, b);
        const catalogue = builder.finish(this.#catalogues.nextId());
        const sharedLayers = [...new Set(a.layers)].filter((digest) => b.layers.includes(digest));
        const comparison = { ...talliesOf(builder, catalogue), catalogue, sharedLayers };
        return { left, right, builder, comparison, verdicts: new Map() };
      }),
    );
    if (this.#last) this.#catalogues.release(this.#last.comparison.catalogue.id);
    this.#last = pair;
    return pair;
  }
}

/** Reads both until they differ. */
async function equalContents(
  left: FileTree,
  right: FileTree,
  path: Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  const streams = [left, right].map((tree) => tree.createReadStream(path, { signal }).getReader());
  const [a, b] = streams as [Reader, Reader];
  try {
    let [x, y] = [EMPTY, EMPTY];
    for (;;) {
      if (x.length === 0) x = await chunkOf(a);
      if (y.length === 0) y = await chunkOf(b);
      if (x.length === 0 || y.length === 0) return x.length === y.length;
      const length = Math.min(x.length, y.length);
      if (firstDifference(x.subarray(0, length), y.subarray(0, length)) !== undefined) return false;
      x = x.subarray(length);
      y = y.subarray(length);
    }
  } finally {
    await Promise.all([a.cancel(), b.cancel()]).catch(() => {});
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

const EMPTY: Uint8Array = new Uint8Array(0);

/** The next bytes; none at the end. */
async function chunkOf(reader: Reader): Promise<Uint8Array> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return EMPTY;
    if (value.length > 0) return value;
  }
}
