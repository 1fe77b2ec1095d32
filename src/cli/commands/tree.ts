import type { FileTree, Stats } from "../../js/index.js";
import { PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
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
    await session.json(await jsonOf(tree, top, depth, signal));
    return;
  }
  await out.writeName(path, top.type, top.mode);
  await out.line();
  const counts = { directories: 0, files: 0 };
  if (top.isDirectory()) await print(session, tree, top, "", depth, counts);
  await out.line();
  await out.line(`${counts.directories} directories, ${counts.files} files`);
}

async function print(
  session: Session,
  tree: FileTree,
  folder: Stats,
  indent: string,
  depth: number,
  counts: Counts,
): Promise<void> {
  if (depth <= 0) return;
  const { out, signal } = session;
  const entries = await tree.readdir(folder.pathBytes, { withFileTypes: true, signal });
  for (const [i, { nameBytes, stats }] of entries.entries()) {
    const last = i === entries.length - 1;
    await out.write(indent + (last ? "└── " : "├── "));
    await out.writeName(nameBytes, stats.type, stats.mode);
    if (stats.linknameBytes && stats.isSymbolicLink()) {
      await out.write(" -> ");
      await out.write(out.name(stats.linknameBytes));
    }
    await out.line();
    counts[stats.isDirectory() ? "directories" : "files"] += 1;
    if (stats.isDirectory()) {
      await print(session, tree, stats, indent + (last ? "    " : "│   "), depth - 1, counts);
    }
  }
}

async function jsonOf(tree: FileTree, stats: Stats, depth: number, signal: AbortSignal): Promise<unknown> {
  if (!stats.isDirectory() || depth <= 0) return stats;
  const contents: unknown[] = [];
  for (const entry of await tree.readdir(stats.pathBytes, { withFileTypes: true, signal })) {
    contents.push(await jsonOf(tree, entry.stats, depth - 1, signal));
  }
  return { ...(stats as Stats & { toJSON(): object }).toJSON(), contents };
}

export const tree: Command = {
  name: "tree",
  summary: "show a folder and all below it",
  usage: "IMAGE [PATH] [-L DEPTH]",
  options: {
    depth: { type: "string", short: "L", value: "DEPTH", help: "go no deeper than this" },
    ...PATHS,
  },
  arity: [1, 2],
  run,
};
