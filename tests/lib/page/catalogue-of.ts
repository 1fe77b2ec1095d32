// Catalogues for tests, from lists of paths.
import { CatalogueBuilder, type Row } from "../../../www/src/engine/catalogue/builder.ts";
import { rowsOf } from "../../../www/src/engine/catalogue/store.ts";
import type { FileTree } from "../../../www/src/engine/library.ts";
import type { Catalogue } from "../../../www/src/protocol/catalogue.ts";

/** A path; a slash at its end makes it a folder, ` -> target` a link. */
export type Line = string | [path: string, facts: Partial<Row>];

const BASE = { size: 0, mode: 0o644, uid: 0, gid: 0, mtime: 0, layer: 0, flags: 0 };

/** A catalogue of paths; missing folders are added, and all are put in order. */
export function catalogueOf(lines: readonly Line[]): Catalogue {
  const rows = new Map<string, Partial<Row>>();
  for (const line of lines) {
    const [text, facts] = typeof line === "string" ? [line, {}] : line;
    const [place = "", link] = text.split(" -> ");
    const names = place.split("/").filter((name) => name !== "");
    for (let i = 1; i < names.length; i++) {
      const above = names.slice(0, i).join("\0");
      if (!rows.has(above)) rows.set(above, { type: "directory" });
    }
    const type = place.endsWith("/") ? "directory" : link === undefined ? "file" : "symlink";
    rows.set(names.join("\0"), { type, link, ...facts });
  }
  const builder = new CatalogueBuilder();
  // A NUL between names: `a` and what is in it come before `a-b`.
  for (const place of [...rows.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    const names = place.split("\0");
    const name = Buffer.from(names.at(-1) ?? "");
    builder.add({ ...BASE, type: "file", ...rows.get(place), name, depth: names.length - 1 });
  }
  return builder.finish(1);
}

/** A catalogue of all entries of a tree. */
export async function walked(tree: FileTree): Promise<Catalogue> {
  const builder = new CatalogueBuilder();
  for await (const row of rowsOf(tree, new AbortController().signal)) builder.add(row);
  return builder.finish(1);
}
