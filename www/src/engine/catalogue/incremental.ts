/** The tree of a layer while its entries come, in the order of its tar. @module */
import type { ZtocEntry } from "ocipeek";
import { type Catalogue, Flag } from "../../protocol/catalogue.ts";
import { CatalogueBuilder, NO_ATTRIBUTES, type Row } from "./builder.ts";
import { latin1 } from "./store.ts";

interface Node {
  /** The last entry of this path; none for a folder that is there because something is below it. */
  entry?: ZtocEntry;
  /** By their names, each byte a character. */
  children?: Map<string, Node>;
}

/** Entries by their paths. */
export class GrowingTree {
  readonly #layer: number;
  readonly #root: Node = {};
  /** Entries came since the last catalogue. */
  hasNews = false;

  constructor(layer: number) {
    this.#layer = layer;
  }

  /** The next entry of the tar; one of a path that was there before takes its place. */
  add(entry: ZtocEntry): void {
    const names = namesOf(entry.nameBytes);
    if (!names) return;
    let node = this.#root;
    for (const name of names) {
      node.children ??= new Map();
      let child = node.children.get(name);
      if (!child) {
        child = {};
        node.children.set(name, child);
      }
      node = child;
    }
    if (node === this.#root) return;
    node.entry = entry;
    this.hasNews = true;
  }

  /** All that came so far. */
  catalogue(id: number): Catalogue {
    const builder = new CatalogueBuilder();
    this.#addBelow(builder, this.#root);
    this.hasNews = false;
    return builder.finish(id);
  }

  #addBelow(builder: CatalogueBuilder, root: Node): void {
    // Not by recursion: paths are as deep as whoever made the image liked.
    const open = [sorted(root)];
    for (let folder = open.at(-1); folder; folder = open.at(-1)) {
      const next = folder.pop();
      if (!next) {
        open.pop();
        continue;
      }
      const [name, node] = next;
      builder.add(this.#row(name, open.length - 1, node));
      if (node.children && isFolder(node)) open.push(sorted(node));
    }
  }

  /** What a hard link names, as far as it came. */
  #target(path: Uint8Array | undefined): ZtocEntry | undefined {
    let node: Node | undefined = this.#root;
    for (const name of (path && namesOf(path)) ?? []) node = node?.children?.get(name);
    return node?.entry;
  }

  #row(name: string, depth: number, { entry }: Node): Row {
    const bytes = Uint8Array.from(name, (c) => c.charCodeAt(0));
    const common = { name: bytes, depth, layer: entry ? this.#layer : -1 };
    if (!entry) {
      return { ...common, ...NO_ATTRIBUTES, flags: Flag.implied };
    }
    const isLink = entry.type === "hardlink";
    const target = isLink ? this.#target(entry.linknameBytes) : entry;
    const kind = target?.type ?? "file";
    const type = entry.whiteout ?? (kind === "hardlink" ? "file" : kind);
    return {
      ...common,
      type,
      size: type === "file" ? (target?.size ?? 0) : 0,
      isFurther: isLink,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: entry.mtimeMs ?? Number.NaN,
      flags: (isLink ? Flag.hardlink : 0) | (entry.xattrs.length > 0 ? Flag.xattrs : 0),
      link: kind === "symlink" ? target?.linkname : undefined,
    };
  }
}

/** The names in a path, each byte a character; nothing where it goes up: where that leads is known when all is there. */
function namesOf(path: Uint8Array): string[] | undefined {
  const names = latin1(path)
    .split("/")
    .filter((name) => name !== "" && name !== ".");
  return names.includes("..") ? undefined : names;
}

function isFolder({ entry }: Node): boolean {
  return entry === undefined || entry.type === "directory";
}

/** What is in a folder, the first name at the end. */
function sorted({ children }: Node): [string, Node][] {
  return [...(children ?? [])].sort(([a], [b]) => (a < b ? 1 : -1));
}
