/** News of indexes that a read has to wait for. @module */
import type { BuildProgress, LayerProgress } from "../js/build/entry/node.js";
import type { BuildLine } from "./build-line.js";
import { siSize } from "./format.js";

/**
 * What is told of layers that are indexed, for the option `onIndexing`: a line for each, and on a terminal also how far it is.
 * `folder`: where indexes are kept, if they are.
 */
export function indexingNews(
  line: BuildLine,
  folder: string | undefined,
  say: (message: string) => void,
): (progress: BuildProgress) => void {
  const done = new Set<string>();
  return (progress) => {
    if (process.stderr.isTTY) line.update(progress);
    const { layer } = progress;
    if (!layer || layer.bytes !== layer.total || done.has(String(layer.digest))) return;
    done.add(String(layer.digest));
    say(costOf(layer, folder));
  };
}

/** Cost of a layer's index, and of the next read. */
function costOf({ index, bytes, spans }: LayerProgress, folder: string | undefined): string {
  const cost = `layer ${index} has no index: all of its ${siSize(bytes)} were read once to make one`;
  if (folder === undefined) return `${cost}; nothing is kept, so that the next run does it again`;
  const next = siSize(Math.round(bytes / Math.max(spans, 1)));
  return `${cost}, kept in ${folder}; from now on a file takes about ${next}`;
}
