/** The page's files on disk, for servers that have one. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { etagOf } from "../http/headers.ts";
import type { Assets } from "../ports.ts";

/** Files that the page shares with the package, which has them once: where each lies, by its path in the page. */
export type Shared = ReadonlyMap<string, string>;

/** Files of a folder, and what it shares. Paths are checked already: {@link parseRoute} lets no other than plain names through. */
export function folderAssets(folder: string, shared: Shared = new Map()): Assets {
  return {
    async get(path) {
      try {
        const own = readFile(join(folder, ...path.split("/")));
        const other = shared.get(path);
        const body = new Uint8Array(await (other ? own.catch(() => readFile(other)) : own));
        return { body, size: body.length, etag: await etagOf("asset", body) };
      } catch {
        return undefined;
      }
    },
  };
}

/** What the file `list` says is shared: names in `folder`, by paths in the page. */
export async function sharedFiles(list: string, folder: string): Promise<Shared> {
  const text = await readFile(list, "utf8").catch(() => "{}");
  const names = JSON.parse(text) as Record<string, string>;
  return new Map(Object.entries(names).map(([path, name]) => [path, join(folder, name)]));
}
