/** The page's files on disk, for servers that have one. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { etagOf } from "../http/headers.ts";
import type { Assets } from "../ports.ts";

/** Files of a folder. Paths are checked already: {@link parseRoute} lets no other than plain names through. */
export function folderAssets(folder: string): Assets {
  return {
    async get(path) {
      try {
        const body = new Uint8Array(await readFile(join(folder, ...path.split("/"))));
        return { body, size: body.length, etag: await etagOf("asset", body) };
      } catch {
        return undefined;
      }
    },
  };
}
