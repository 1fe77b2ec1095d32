import { type Dirent, type FileTree, OcipeekError, type Stats } from "../../js/index.js";
import { options, PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
import { jsonText } from "../escape.js";
import type { Session } from "../session.js";

interface Counts {
  directories: number;
  files: number;
}

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const tree = await session.tree(argument(session, 0));
  const path = session.path(args.positionals[1] ?? "/");
  const depth = args.number("depth") ?? Number.POSITIVE_INFINITY;
  const top = await tree.stat(path, { signal });
  if (args.flag("json")) {
    await printJson(session, tree, top, depth);
    return;
  }
  await out.writeName(path, top);
  await out.line();
  const isShown = top.isDirectory() && depth > 0;
  const counts = isShown ? await print(session, tree, top, depth) : { directories: 0, files: 0 };
  await out.line();
  await out.line(`${counts.directories} directories, ${counts.files} files`);
}

/** A folder that is being printed: what is left of it. Not by recursion: trees are as deep as whoever made them liked. */
interface Open {
  readonly entries: readonly Dirent[];
  at: number;
}

/** Gives how many entries were printed. */
async function print(session: Session, tree: FileTree, top: Stats, depth: number): Promise<Counts> {
  const counts = { directories: 0, files: 0 };
  const { out, signal } = session;
  const read = async (folder: Stats): Promise<Open> => ({
    entries: await tree.readdir(folder.pathBytes, { withFileTypes: true, signal }),
    at: 0,
  });
  const stack = [await read(top)];
  let indent = "";
  for (let open = stack.at(-1); open; open = stack.at(-1)) {
    const entry = open.entries[open.at++];
    if (!entry) {
      stack.pop();
      indent = indent.slice(0, -4);
      continue;
    }
    const { nameBytes, stats } = entry;
    const last = open.at === open.entries.length;
    await out.write(indent + (last ? "└── " : "├── "));
    await out.entry(nameBytes, stats);
    counts[stats.isDirectory() ? "directories" : "files"] += 1;
    if (stats.isDirectory() && stack.length < depth) {
      checkDepth(session, stats, stack.length);
      stack.push(await read(stats));
      indent += last ? "    " : "│   ";
    }
  }
  return counts;
}

function checkDepth(session: Session, stats: Stats, depth: number): void {
  const most = session.args.limits().maxDepth ?? DEEPEST;
  if (depth < most) return;
  const message = `folders inside each other: more than maxDepth = ${most}`;
  throw new OcipeekError("LIMIT_EXCEEDED", message, { path: stats.path, limit: "maxDepth" });
}

/** Depth limit of the library: a line is as long as its folder is deep. */
const DEEPEST = 2048;

/** The tree as one JSON value, each folder with its `contents`; written as it is walked, and indented a little only. */
async function printJson(session: Session, tree: FileTree, top: Stats, depth: number): Promise<void> {
  const { out, signal } = session;
  const isShown = (stats: Stats, below: number): boolean => stats.isDirectory() && below < depth;
  const open = async (stats: Stats, below: number, first: boolean): Promise<void> => {
    const pad = "  ".repeat(Math.min(2 * below, INDENT));
    const fields = jsonText(stats, 2).replaceAll("\n", `\n${pad}`);
    await out.write(below === 0 ? "" : first ? `\n${pad}` : `,\n${pad}`);
    if (isShown(stats, below)) await out.write(`${fields.slice(0, -2 - pad.length)},\n${pad}  "contents": [`);
    else await out.write(fields);
  };
  const close = async (below: number, empty: boolean): Promise<void> => {
    const pad = "  ".repeat(Math.min(2 * below, INDENT));
    await out.write(empty ? `]\n${pad}}` : `\n${pad}  ]\n${pad}}`);
  };
  await open(top, 0, true);
  if (isShown(top, 0)) {
    // Of each folder that is open, whether nothing of it was written yet.
    const empty = [true];
    const glob = shallow(depth);
    const start = slashes(top.pathBytes) + (top.pathBytes.at(-1) === SLASH ? -1 : 0);
    for await (const stats of tree.walk(top.pathBytes, { signal, ...(glob ? { glob } : {}) })) {
      const below = slashes(stats.pathBytes) - start;
      if (below > depth) continue;
      while (empty.length > below) await close(empty.length - 1, empty.pop() ?? true);
      await open(stats, below, empty[below - 1] ?? true);
      empty[below - 1] = false;
      if (isShown(stats, below)) empty.push(true);
    }
    while (empty.length > 0) await close(empty.length - 1, empty.pop() ?? true);
  }
  await out.line();
}

/** Steps of the indentation: else that of a deep tree would be most of it. */
const INDENT = 32;
const SLASH = 0x2f;

function slashes(path: Uint8Array): number {
  return path.reduce((sum, byte) => sum + (byte === SLASH ? 1 : 0), 0);
}

/** A glob for all down to a depth, so that no more is walked; nothing where it would be too long for one. */
function shallow(depth: number): string | undefined {
  if (depth > 50) return undefined;
  const levels = Array.from({ length: depth }, (_, i) => new Array(i + 1).fill("*").join("/"));
  return `/{${levels.join(",")}}`;
}

export const tree: Command = {
  name: "tree",
  summary: "show a folder and all below it as a tree",
  usage: "IMAGE [PATH] [-L DEPTH]",
  options: { ...options("-L, --depth DEPTH  go no deeper than this"), ...PATHS },
  arity: [1, 2],
  run,
};
