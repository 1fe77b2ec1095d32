/** What is said of indexes that a read has to wait for. @module */
import type { BuildProgress } from "../js/build/entry/node.js";
import type { BuildLine } from "./build-line.js";
import { siSize } from "./format.js";

/** One line for each layer that is indexed; on a terminal also how far it is. */
export class IndexingNews {
  readonly #line: BuildLine;
  readonly #folder: string | undefined;
  readonly #say: (message: string) => void;
  readonly #done = new Set<string>();

  /** `folder`: where indexes are kept, if they are. */
  constructor(line: BuildLine, folder: string | undefined, say: (message: string) => void) {
    this.#line = line;
    this.#folder = folder;
    this.#say = say;
  }

  /** For the option `onIndexing`. */
  readonly update = (progress: BuildProgress): void => {
    if (process.stderr.isTTY) this.#line.update(progress);
    const { layer } = progress;
    if (!layer || layer.bytes !== layer.total || this.#done.has(String(layer.digest))) return;
    this.#done.add(String(layer.digest));
    this.#say(costOf(layer, this.#folder));
  };
}

/** What it cost, and what the next read will. */
export function costOf(
  { index, bytes, spans }: { index: number; bytes: number; spans: number },
  folder: string | undefined,
): string {
  const cost = `layer ${index} has no index: all of its ${siSize(bytes)} were read once to make one`;
  if (folder === undefined) return `${cost}; nothing is kept, so that the next run does it again`;
  const next = siSize(Math.round(bytes / Math.max(spans, 1)));
  return `${cost}, kept in ${folder}; from now on a file takes about ${next}`;
}
