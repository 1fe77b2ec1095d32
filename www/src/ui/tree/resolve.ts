/** Path resolution in a catalogue, over symbolic links. @module */

import { encodePath } from "../../../../web/path.ts";
import type { Catalogue } from "../../protocol/catalogue.ts";
import { childAt, type EncodedPath, entryAt } from "../../protocol/path.ts";

/** As many links as Linux follows. */
const MAX_LINKS = 40;

const encoder = new TextEncoder();

/**
 * The entry at a path: links in its folders are followed, `/lib/x` is found in `/usr/lib`; one at its end is not.
 * Nothing where there is none.
 */
export function resolveEntry(c: Catalogue, path: EncodedPath): number | undefined {
  const direct = entryAt(c, path);
  if (direct !== undefined) return direct;
  const names = path.split("/").filter((name) => name !== "");
  let folder = 0;
  for (let links = 0; names.length > 0; ) {
    const name = names.shift() ?? "";
    if (name === "." || name === "..") {
      if (name === "..") folder = c.parent[folder] ?? 0;
      continue;
    }
    const next = childAt(c, folder, name);
    if (next === undefined) return undefined;
    const target = c.links.get(next);
    if (target === undefined || names.length === 0) {
      folder = next;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (target.startsWith("/")) folder = 0;
    const parts = encodePath(encoder.encode(target)).split("/");
    names.unshift(...parts.filter((part) => part !== ""));
  }
  return folder;
}
