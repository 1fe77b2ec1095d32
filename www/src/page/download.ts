/** Downloads: files and folders of an image, saved to disk. @module */
import { safeName } from "../../../web/disposition.ts";
import { type Download, EngineError, type FileRef } from "../protocol/api.ts";
import { receivePieces } from "../protocol/pieces.ts";
import type { CallOptions } from "../protocol/rpc.ts";
import { engine } from "./engine.ts";
import { type Saver, saver } from "./saver.ts";
import { refreshCost } from "./session.ts";

/** Where the browser has no service worker, downloads are kept in memory until they are whole: so many bytes at most. */
export const MAX_IN_MEMORY = 512_000_000;

/** Milliseconds for which the browser may need what was kept in memory for it. */
const KEEP = 60_000;

/** Options of a download. */
export type SaveOptions = Pick<CallOptions, "signal">;

/**
 * Saves a file; links are followed. Resolves when the browser has all its bytes.
 * @throws EngineError `ABORTED` where the user stopped it
 */
export function saveFile(file: FileRef, options: SaveOptions = {}): Promise<void> {
  return save(() => engine.download([file], options), options);
}

/** Saves a folder with all below it as a tar. As {@link saveFile}. */
export function saveFolder(folder: FileRef, options: SaveOptions = {}): Promise<void> {
  return save(() => engine.downloadTar([folder], options), options);
}

async function save(open: () => Promise<Download>, { signal }: SaveOptions): Promise<void> {
  try {
    const way = await saver();
    if (way && (await streamed(way, await open(), signal))) return;
    await inMemory(await open(), signal);
  } finally {
    await refreshCost();
  }
}

/** By the service worker; `false` where the browser does not ask for it. */
async function streamed(way: Saver, download: Download, signal: AbortSignal | undefined): Promise<boolean> {
  const id = crypto.randomUUID();
  const { kept, started, ended } = way.hand(id, download);
  const drop = (): void => way.drop(id);
  signal?.addEventListener("abort", drop, { once: true });
  // A navigation: the browser's own downloads take no notice of service workers.
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.title = "Download";
  frame.src = way.urlOf(id);
  try {
    if (await kept) document.body.append(frame);
    if (!(await started)) return false;
    await ended;
    return true;
  } finally {
    frame.remove();
    signal?.removeEventListener("abort", drop);
  }
}

/** By memory, whole. */
async function inMemory({ name, size, port }: Download, signal: AbortSignal | undefined): Promise<void> {
  const reader = receivePieces(port).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    if (size !== undefined && size > MAX_IN_MEMORY) throw tooLarge();
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > MAX_IN_MEMORY) throw tooLarge();
      parts.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
  const url = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = safeName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP);
}

function tooLarge(): EngineError {
  const message =
    `this browser lets the page save no more than ${MAX_IN_MEMORY / 1e6} MB, ` +
    "as it has no service workers here (a private window, or plain http); the command can";
  return new EngineError({ code: "LIMIT_EXCEEDED", message, limit: "MAX_IN_MEMORY" });
}
