/** Single files: attributes, content, hash. @module */

import { encodePath } from "../../../../web/path.ts";
import type { FileFacts, FileRef, Identity } from "../../protocol/api.ts";
import { decodePath } from "../../protocol/path.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import type { Images } from "../images/images.ts";
import type { Stats } from "../library.ts";
import { Sha256 } from "../sha256.ts";

/** Bytes between two reports of progress. */
const PROGRESS_STEP = 1 << 20;

/** The files of the open images. */
export class Files {
  readonly #images: Images;

  constructor(images: Images) {
    this.#images = images;
  }

  /** Attributes of a path. */
  stat(context: CallContext, file: FileRef, follow: boolean): Promise<FileFacts> {
    const { signal } = context;
    const path = decodePath(file.path);
    return this.#images.useTree(context, file, async (tree) =>
      factsOf(await (follow ? tree.stat(path, { signal }) : tree.lstat(path, { signal }))),
    );
  }

  /** Content, or a part of it. */
  async read(context: CallContext, file: FileRef, start?: number, end?: number) {
    const { signal } = context;
    const { data, stats } = await this.#images.useTree(context, file, (tree) =>
      tree.read(decodePath(file.path), { signal, start, end }),
    );
    context.transfer(data.buffer);
    return { data, facts: factsOf(stats) };
  }

  /** SHA-256 of the content, in hexadecimal; tells how many bytes are done. */
  hash(context: CallContext, file: FileRef): Promise<string> {
    const { signal } = context;
    return this.#images.useTree(context, file, async (tree) => {
      const stream = tree.createReadStream(decodePath(file.path), { signal });
      const sum = new Sha256();
      let done = 0;
      let said = 0;
      for await (const part of stream) {
        sum.update(part);
        done += part.length;
        if (done - said < PROGRESS_STEP) continue;
        said = done;
        context.progress({ done, total: (await stream.stats).size });
      }
      return sum.digest();
    });
  }

  /** Key facts by content. */
  identify(context: CallContext, file: FileRef): Promise<Identity | undefined> {
    const { signal } = context;
    const path = decodePath(file.path);
    return this.#images.useTree(context, file, async (tree) => {
      // Few need it: loaded when it is asked for.
      const [{ identify }, { contentOf }] = await Promise.all([
        import("../identify/identify.ts"),
        import("../identify/content.ts"),
      ]);
      const { size, path: real } = await tree.stat(path, { signal });
      const read = async (start: number, end: number): Promise<Uint8Array> =>
        (await tree.read(path, { start, end, signal })).data;
      return identify(await contentOf(size, real.slice(real.lastIndexOf("/") + 1), read));
    });
  }
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
