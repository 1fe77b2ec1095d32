import type { EntryType } from "../../js/index.js";
import { LAYER } from "../args.js";
import { argument, type Command } from "../command.js";
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
  const { args, out, signal } = session;
  const types = typesOf(args.text("type"));
  const tree = await session.tree(argument(session, 0));
  const glob = args.positionals[1];
  const from = args.text("in") ?? "/";
  const options = glob === undefined ? { signal } : { signal, glob };
  const now = new Date();
  for await (const stats of tree.walk(from, options)) {
    if (types && !types.has(stats.type)) continue;
    if (args.flag("json")) {
      await out.line(JSON.stringify(stats));
    } else if (args.flag("print0")) {
      await out.write(stats.pathBytes);
      await out.write("\0");
    } else {
      if (args.flag("long")) await out.write(`${longFields(stats, now, false, false).join(" ")} `);
      await out.writeName(stats.pathBytes, stats.type, stats.mode);
      await out.line();
    }
    if (out.isTerminal) await out.flush();
  }
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
  summary: "list all paths, or those that match a glob",
  usage: "IMAGE [GLOB] [--in PATH] [--type f,d,l] [-0] [-l]",
  details: `GLOB may hold *, ?, [a-z], {a,b} and ** (any number of folders). Without a slash it is matched with
names anywhere; with one, with whole paths below --in. --json prints one object a line.`,
  options: {
    in: { type: "string", value: "PATH", help: "look below this folder" },
    type: {
      type: "string",
      short: "t",
      value: "LETTERS",
      help: "f file, d folder, l link, c b device, p pipe",
    },
    print0: { type: "boolean", short: "0", help: "end each path with NUL in place of a new line" },
    long: { type: "boolean", short: "l", help: "with mode, owner, size and time" },
    ...LAYER,
  },
  arity: [1, 2],
  run,
};
