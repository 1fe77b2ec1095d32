/** The building of indexes of the image on screen: one layer after the other. @module */
import { signal } from "@preact/signals";
import { type CallProgress, EngineError, type IndexNews, type OpenedImage } from "../protocol/api.ts";
import type { Catalogue } from "../protocol/catalogue.ts";
import { engine } from "./engine.ts";

/** What is being indexed. */
export interface Indexing {
  image: number;
  /** The layer that streams now, and which of how many it is: 1 the first. */
  layer: number;
  at: number;
  of: number;
  /** How far that layer is; nothing before its first bytes. */
  news: IndexNews | undefined;
  /** What is in it as far as it is known. */
  tree: Catalogue | undefined;
  paused: boolean;
}

/** What is being indexed now. */
export const indexing = signal<Indexing | undefined>(undefined);

let running: AbortController | undefined;

/** Whether a layer has no index and can get one. */
export function canIndex({ read, mediaType }: OpenedImage["layers"][number]): boolean {
  // There is no index for zstd.
  return read === "whole" && !/zstd/.test(mediaType);
}

/**
 * Indexes layers of an image, one after the other; gives the image as it is read then. Rejected with `ABORTED` where it
 * is cancelled, or the signal says so. Another call ends the one that runs.
 */
export async function indexLayers(
  image: OpenedImage,
  layers: readonly number[],
  signal?: AbortSignal,
): Promise<OpenedImage> {
  running?.abort();
  const stop = new AbortController();
  running = stop;
  const cancel = (): void => stop.abort();
  signal?.addEventListener("abort", cancel, { once: true });
  let now = image;
  try {
    for (const [i, layer] of layers.entries()) {
      if (signal?.aborted || stop.signal.aborted) {
        throw new EngineError({ code: "ABORTED", message: "stopped" });
      }
      const start = { image: image.id, layer, at: i + 1, of: layers.length, paused: false };
      indexing.value = { ...start, news: undefined, tree: undefined };
      const onProgress = ({ index }: CallProgress): void => {
        const known = indexing.peek();
        if (!index || stop.signal.aborted || known?.layer !== layer) return;
        indexing.value = { ...known, news: index, tree: index.tree ?? known.tree };
      };
      now = await engine.indexLayer([image.id, layer], { signal: stop.signal, onProgress });
    }
    return now;
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (running === stop) {
      running = undefined;
      indexing.value = undefined;
    }
  }
}

/** Pauses it, or lets it go on. */
export function pauseIndexing(paused: boolean): void {
  const now = indexing.peek();
  if (!now) return;
  indexing.value = { ...now, paused };
  void engine.pauseIndexing([now.image, now.layer, paused]);
}

/** Stops it. What was indexed before stays. */
export function cancelIndexing(): void {
  running?.abort();
}
