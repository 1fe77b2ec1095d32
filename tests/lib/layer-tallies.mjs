// What each layer of the demo adds, changes and removes: a model with a map of paths, over lists of the tars' entries.
import { layers } from "./expected.mjs";

/** Whether two entries of a path are of one kind: folders, or anything else. */
const alike = (a, b) => (a.type === "dir") === (b.type === "dir");
const clean = (path) => path.replace(/^(\.?\/)+/, "");
const parentsOf = (path) => {
  const parents = [];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) parents.push(path.slice(0, at));
  return parents;
};

/** One for each layer. */
export function layerTallies() {
  let below = new Map();
  return layers().map((lines, index) => {
    const { here, isHidden } = readLayer(lines, index, below);
    const tallies = {
      added: { files: 0, bytes: 0 },
      changed: { files: 0, bytes: 0 },
      removed: { files: 0, bytes: 0 },
    };
    const seen = new Set();
    const count = (tally, entry) => {
      if (entry.type === "dir") return;
      tally.files++;
      // Of a file with several names, the content counts once.
      if (entry.type === "reg" && !seen.has(entry.inode)) tally.bytes += entry.size;
      seen.add(entry.inode);
    };
    const all = [...here.values(), ...below.values()];
    // Names of a folder by their bytes, before those of the next one.
    all.sort((a, b) => (a.path.replaceAll("/", "\0") < b.path.replaceAll("/", "\0") ? -1 : 1));
    const next = new Map(here);
    for (const entry of all) {
      const isNew = here.get(entry.path) === entry;
      const other = isNew ? below.get(entry.path) : here.get(entry.path);
      if (isNew) count(other && alike(entry, other) ? tallies.changed : tallies.added, entry);
      else if (other ? !alike(entry, other) : isHidden(entry.path)) count(tallies.removed, entry);
      else if (!other) next.set(entry.path, entry);
    }
    below = next;
    return tallies;
  });
}

/** A layer's entries by path, and what it hides of those below. */
function readLayer(lines, index, below) {
  const here = new Map();
  const inodes = new Map();
  const folders = [];
  const paths = [];
  for (const line of lines) {
    const cut = line.path.lastIndexOf("/") + 1;
    const [folder, name] = [line.path.slice(0, cut), line.path.slice(cut)];
    if (name === ".wh..wh..opq") folders.push(folder);
    else if (name.startsWith(".wh.")) paths.push(folder + name.slice(4));
    else if (line.path !== "") {
      const target = line.type === "hardlink" ? inodes.get(clean(line.linkname)) : undefined;
      const own = { size: line.size, type: line.type, inode: `${index}:${line.offset}` };
      inodes.set(line.path, { ...own, ...target });
      here.set(line.path, { ...own, ...target, path: line.path });
      for (const parent of parentsOf(line.path)) {
        if (here.has(parent) || below.get(parent)?.type === "dir") continue;
        here.set(parent, { path: parent, size: 0, type: "dir", inode: "" });
      }
    }
  }
  const files = [...here.values()].filter((entry) => entry.type !== "dir");
  const isHidden = (path) =>
    folders.some((folder) => path.startsWith(folder)) ||
    paths.some((gone) => path === gone || path.startsWith(`${gone}/`)) ||
    files.some((file) => path.startsWith(`${file.path}/`));
  return { here, isHidden };
}
