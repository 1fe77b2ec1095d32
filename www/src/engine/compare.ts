/** Compares two open images. @module */
import type { Comparison } from "../protocol/api.ts";
import type { EncodedPath } from "../protocol/path.ts";
import { decodePath } from "../protocol/path.ts";
import type { CallContext } from "../protocol/rpc.ts";
import type { Catalogues } from "./catalogues.ts";
import { compareTrees, type Side } from "./comparison.ts";
import type { Images } from "./images.ts";
import type { FileTree, Image } from "./library.ts";
import { walkTree } from "./trees.ts";

/** Files whose contents are compared at once. */
const AT_ONCE = 4;

interface Pair {
  left: Image;
  right: Image;
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
    const differ: EncodedPath[] = [];
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
        const equal = await equalContents(pair.left, pair.right, decodePath(path), signal).catch((error) => {
          // The others stop as well.
          next = paths.length;
          throw error;
        });
        pair.verdicts.set(path, equal);
        if (!equal) differ.push(path);
        context.progress({ done: ++done, total: paths.length });
      }
    };
    await this.#images.use(context, left, () =>
      this.#images.use(context, right, () => Promise.all(Array.from({ length: AT_ONCE }, work))),
    );
    return paths.filter((path) => differ.includes(path));
  }

  async #pair(context: CallContext, leftId: number, rightId: number): Promise<Pair> {
    const left = await this.#images.get(context, leftId);
    const right = await this.#images.get(context, rightId);
    const last = this.#last;
    if (last && last.left === left && last.right === right) return last;
    const side = async (id: number, image: Image): Promise<Side> => {
      const tree = await this.#images.use(context, id, () => walkTree(image, context.signal, false));
      return { tree, layers: image.layers.map((layer) => layer.digest) };
    };
    const known = (id: number, image: Image): Promise<Side> | Side => {
      if (last?.left === image) return last.sides[0];
      if (last?.right === image) return last.sides[1];
      return side(id, image);
    };
    const sides: [Side, Side] = [await known(leftId, left), await known(rightId, right)];
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
