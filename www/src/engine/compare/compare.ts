/** Compares two open images. @module */

import type { Comparison } from "../../protocol/api.ts";
import type { EncodedPath } from "../../protocol/path.ts";
import { decodePath } from "../../protocol/path.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import type { Catalogues } from "../catalogue/store.ts";
import { walkTree } from "../catalogue/tree.ts";
import type { Images } from "../images/images.ts";
import type { FileTree } from "../library.ts";
import { compareTrees, type Side } from "./comparison.ts";

/** Files whose contents are compared at once. */
const AT_ONCE = 4;

/** Two images by their ids: one that was closed to save memory is opened again under the same. */
interface Pair {
  left: number;
  right: number;
  sides: [Side, Side];
  verdicts: Map<EncodedPath, boolean>;
  /** The catalogue that was handed out. */
  kept: number | undefined;
}

/** Comparisons; of the pair that was asked for last, trees and verdicts are kept. */
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
    const comparison = compareTrees(...pair.sides, pair.verdicts, this.#catalogues.nextId());
    this.#release(pair);
    pair.kept = this.#catalogues.keep(comparison.catalogue).id;
    return comparison;
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
    const side = (id: number): Promise<Side> | Side => {
      if (last?.left === id) return last.sides[0];
      if (last?.right === id) return last.sides[1];
      return this.#images.use(context, id, async (image) => ({
        tree: await walkTree(image, context.signal),
        layers: image.layers.map((layer) => layer.digest),
        merged: image.isMerged ? image.digest : undefined,
      }));
    };
    const sides: [Side, Side] = [await side(left), await side(right)];
    if (last) this.#release(last);
    this.#last = { left, right, sides, verdicts: new Map(), kept: undefined };
    return this.#last;
  }

  #release(pair: Pair): void {
    if (pair.kept !== undefined) this.#catalogues.release(pair.kept);
    pair.kept = undefined;
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
      for (let at = 0; at < length; at++) if (x[at] !== y[at]) return false;
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
