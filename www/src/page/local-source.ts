/** Image sources made of dropped or chosen files. @module */
import type { ImageSource } from "../protocol/api.ts";

/** A file, and where it lies in what was dropped or chosen: `demo/blobs/sha256/ab…`. */
export interface LocalFile {
  path: string;
  file: File;
}

/** A folder with more files is not looked through. */
export const MOST_FILES = 20_000;

/** What the top folder of an image has. The first that is found counts. */
const MARKS = ["oci-layout", "index.json", "manifest.json"];

/** The source that files are, or why they are none. */
export function localSource(files: LocalFile[]): Exclude<ImageSource, { kind: "registry" }> | string {
  const [first] = files;
  if (!first) return "There is nothing in it.";
  if (files.length === 1 && !first.path.includes("/")) return { kind: "file", file: first.file };
  if (files.length > MOST_FILES) {
    return `The folder holds more than ${MOST_FILES.toLocaleString("en-US")} files: choose the one with oci-layout or manifest.json in it.`;
  }
  const root = rootOf(files);
  if (root === undefined) {
    return files.some(({ path }) => path.includes("/"))
      ? "The folder holds no image: neither an OCI layout (oci-layout, index.json, blobs) nor an unpacked docker save (manifest.json)."
      : "Drop one archive at a time, or a folder.";
  }
  const below = files.filter(({ path }) => path.startsWith(root));
  const name = root.split("/").at(-2) ?? "folder";
  return { kind: "folder", name, files: new Map(below.map((it) => [it.path.slice(root.length), it.file])) };
}

/** The folder nearest to the top that an image starts at, with its slash. */
function rootOf(files: LocalFile[]): string | undefined {
  for (const mark of MARKS) {
    const roots = files
      .filter(({ path }) => path === mark || path.endsWith(`/${mark}`))
      .map(({ path }) => path.slice(0, -mark.length));
    const depth = (root: string): number => root.split("/").length;
    const [nearest] = roots.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
    if (nearest !== undefined) return nearest;
  }
  return undefined;
}
