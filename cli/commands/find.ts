import type { EntryType, FileTree, Stats } from "../../js/index.js";
import { options, PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
import { jsonText } from "../escape.js";
import { UsageError } from "../exit.js";
import type { Session } from "../session.js";
import { longFields } from "./ls.js";

const TYPES: Record<string, EntryType> = {
  f: "file",
  d: "directory",
  l: "symlink",
  c: "char-device",
  b: "block-device",
  p: "fifo",
};

async function run(session: Session): Promise<void> {
  const { args, out } = session;
  const types = typesOf(args.text("type"));
  const tree = await session.tree(argument(session, 0));
  const now = new Date();
  for await (const stats of found(session, tree)) {
    if (types && !types.has(stats.type)) continue;
    if (args.flag("json")) {
      await out.line(jsonText(stats));
    } else if (args.flag("print0")) {
      await out.write(stats.pathBytes);
      await out.write("\0");
    } else {
      if (args.flag("long")) await out.write(`${longFields(stats, now, false, false).join(" ")} `);
      await out.writeName(stats.pathBytes, stats);
      await out.line();
    }
    if (out.isTerminal) await out.flush();
  }
}

/** Entries that the arguments ask for: those that match a glob, or as with find(1) a path and all below it. */
async function* found(session: Session, tree: FileTree): AsyncGenerator<Stats> {
  const { args, signal } = session;
  const [, what] = args.positionals;
  const from = args.text("in");
  const isPath = what?.startsWith("/") && from === undefined && !/[*?[{]/.test(what);
  if (!isPath) {
    const options = what === undefined ? { signal } : { signal, glob: what };
    yield* tree.walk(session.path(from ?? "/"), options);
    return;
  }
  const path = session.path(what ?? "/");
  const top = path.at(-1) === 0x2f ? await tree.stat(path, { signal }) : await tree.lstat(path, { signal });
  yield top;
  if (top.isDirectory()) yield* tree.walk(path, { signal });
}

function typesOf(text: string | undefined): Set<EntryType> | undefined {
  if (text === undefined) return undefined;
  return new Set(
    text.split(",").map((letter) => {
      const type = TYPES[letter];
      if (!type)
        throw new UsageError(`--type takes ${Object.keys(TYPES).join(", ")}, not ${JSON.stringify(letter)}`);
      return type;
    }),
  );
}

export const find: Command = {
  name: "find",
  summary: "list all paths, those below a path, or those that match a glob",
  usage: "IMAGE [PATH|GLOB] [--in PATH] [--type f,d,l] [-0] [-l]",
  details: `GLOB may hold *, ?, [a-z], {a,b} and ** (any number of folders). Without a slash it is matched with
names anywhere; with one, with whole paths below --in. What begins with / and holds none of these is a PATH:
it and all below it are listed. --json prints one object a line.
All of the dialect: https://github.com/ocipeek/ocipeek/blob/main/docs/globs.md`,
  options: {
    ...options(`
      --in PATH           look below this folder
      -t, --type LETTERS  f file, d folder, l link, c b device, p pipe
      -0, --print0        end each path with NUL in place of a new line
      -l, --long          with mode, owner, size and time
    `),
    ...PATHS,
  },
  arity: [1, 2],
  run,
};
