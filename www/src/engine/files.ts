/** Single files: attributes, content, hash. @module */
import type { FileFacts, FileRef } from "../protocol/api.ts";
import { decodePath, encodePath } from "../protocol/path.ts";
import type { CallContext } from "../protocol/rpc.ts";
import type { Images } from "./images.ts";
import type { Stats } from "./library.ts";

/** Attributes of a path. */
export function stat(
  context: CallContext,
  images: Images,
  file: FileRef,
  follow: boolean,
): Promise<FileFacts> {
  const { signal } = context;
  const path = decodePath(file.path);
  return images.useTree(context, file, async (tree) =>
    factsOf(await (follow ? tree.stat(path, { signal }) : tree.lstat(path, { signal }))),
  );
}

/** Content, or a part of it. */
export async function read(
  context: CallContext,
  images: Images,
  file: FileRef,
  start: number | undefined,
  end: number | undefined,
): Promise<{ data: Uint8Array<ArrayBuffer>; facts: FileFacts }> {
  const { signal } = context;
  const { data, stats } = await images.useTree(context, file, (tree) =>
    tree.read(decodePath(file.path), { signal, start, end }),
  );
  context.transfer(data.buffer);
  return { data, facts: factsOf(stats) };
}

/** Attributes as they cross to the page. */
export function factsOf(stats: Stats): FileFacts {
  const { type, size, mode, uid, gid, uname, gname, nlink, devMajor, devMinor, layer, verified } = stats;
  return {
    path: encodePath(stats.pathBytes),
    type,
    size,
    mode,
    uid,
    gid,
    uname,
    gname,
    mtime: stats.mtimeMs,
    nlink,
    devMajor,
    devMinor,
    linkname: stats.linkname,
    hardlinkOf: stats.hardlinkOfBytes && encodePath(stats.hardlinkOfBytes),
    xattrs: [...stats.xattrs],
    layer,
    verified,
  };
}
