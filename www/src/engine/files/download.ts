/** Files and folders as streams to save. @module */
import { itemsOf, type TarItem, tar } from "ocipeek/tar";
import type { Download, FileRef } from "../../protocol/api.ts";
import { decodePath, displayPath } from "../../protocol/path.ts";
import { sendPieces } from "../../protocol/pieces.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { failureOf } from "../failure.ts";
import type { Images } from "../images/images.ts";
import type { FileTree, Stats } from "../library.ts";
import { invalidArgument } from "../library.ts";

/** A file, links followed. */
export function download(context: CallContext, images: Images, file: FileRef): Promise<Download> {
  return start(context, images, file, (tree, stats, name) => {
    if (!stats.isFile()) throw invalidArgument(`${displayPath(file.path)} is not a file`);
    return { name, size: stats.size, source: (signal) => tree.createReadStream(stats.pathBytes, { signal }) };
  });
}

/** The last file of an archive that lacks some: what is left out, and why. */
const LEFT_OUT = ".ocipeek-left-out.txt";

/** A folder with all below it, as a tar whose names start at the folder. */
export function downloadTar(context: CallContext, images: Images, file: FileRef): Promise<Download> {
  return start(context, images, file, (tree, stats, name) => {
    if (!stats.isDirectory()) throw invalidArgument(`${displayPath(file.path)} is not a folder`);
    return {
      name: `${name}.tar`,
      size: undefined,
      source: (signal) => tar(below(tree, stats, signal), { leftOut: LEFT_OUT }),
    };
  });
}

interface Plan {
  name: string;
  size: number | undefined;
  source(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Finds the path and gives the stream's port. The image stays in use until the stream has ended. */
function start(
  context: CallContext,
  images: Images,
  file: FileRef,
  plan: (tree: FileTree, stats: Stats, name: string) => Plan,
): Promise<Download> {
  return new Promise((resolve, reject) => {
    const work = async (tree: FileTree, image: { readonly name: string }): Promise<void> => {
      const stats = await tree.stat(decodePath(file.path), { signal: context.signal });
      const { name, size, source } = plan(tree, stats, saveName(file.path, image.name));
      const { port1, port2 } = new MessageChannel();
      context.transfer(port2);
      const sent = sendPieces(port1, source, failureOf);
      resolve({ name, size, port: port2 });
      await sent;
    };
    images.useTree(context, file, work).catch(reject);
  });
}

async function* below(
  tree: FileTree,
  top: Stats,
  signal: AbortSignal,
): AsyncGenerator<TarItem, void, undefined> {
  for await (const item of itemsOf(tree, top, new Uint8Array(), { signal, failures: "give" })) {
    // The folder itself has no name of its own in it.
    if (item.name.length > 0) yield item;
  }
}

/** The name to save a path under; for the root that of the image. */
export function saveName(path: string, image: string): string {
  const last = displayPath(path).split("/").at(-1);
  if (last) return last;
  const name = image
    .split("/")
    .at(-1)
    ?.replace(/[:@].*$/, "")
    .replace(/\.tar$/, "");
  return name || "image";
}
