import type { Stats } from "../../js/index.js";
import { options, PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
import { columns, humanSize, lsTime, modeString, table } from "../format.js";
import type { Output } from "../output.js";
import type { Session } from "../session.js";

interface Entry {
  name: Uint8Array;
  stats: Stats;
}

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const tree = await session.tree(argument(session, 0));
  const path = session.path(args.positionals[1] ?? "/");
  const long = args.flag("long");
  // Like ls: a link to a folder shows the folder, but `ls -l LINK` shows the link; a slash at the end follows.
  const follow = !args.flag("directory") && (!long || path.at(-1) === 0x2f);
  const at = follow ? await tree.stat(path, { signal }) : await tree.lstat(path, { signal });
  const isListed = at.isDirectory() && !args.flag("directory");
  const held = isListed ? await tree.readdir(path, { withFileTypes: true, signal }) : [];
  const entries: Entry[] = isListed
    ? held.map(({ nameBytes: name, stats }) => ({ name, stats }))
    : [{ name: path, stats: at }];
  if (args.flag("json")) await session.json(entries.map(({ stats }) => stats));
  else if (long) await printLong(out, entries, args.flag("numeric"), args.flag("human"));
  else await printShort(out, entries, args.flag("one"));
}

async function printLong(out: Output, entries: Entry[], numeric: boolean, human: boolean): Promise<void> {
  const now = new Date();
  const fields = entries.map(({ stats }) => longFields(stats, now, numeric, human));
  const rows = table(fields, [1, 4], " ");
  for (const [i, { name, stats }] of entries.entries()) {
    await out.write(`${rows[i]} `);
    await out.entry(name, stats);
  }
}

/** Mode, links, owner, group, size or device, time: what stands before the name. */
export function longFields(stats: Stats, now: Date, numeric: boolean, human: boolean): string[] {
  const device = stats.type === "char-device" || stats.type === "block-device";
  const size = human ? humanSize(stats.size) : String(stats.size);
  const plain = (name: string): string => name.replace(/[^\x21-\x7e]/g, "?");
  return [
    modeString(stats.type, stats.mode) + (hasAcl(stats) ? "+" : ""),
    String(stats.nlink),
    numeric || !stats.uname ? String(stats.uid) : plain(stats.uname),
    numeric || !stats.gname ? String(stats.gid) : plain(stats.gname),
    device ? `${stats.devMajor}, ${stats.devMinor}` : size,
    lsTime(stats.mtime, now),
  ];
}

/** `ls` marks an access control list. */
function hasAcl(stats: Stats): boolean {
  return stats.xattrsBytes.some(([name]) => Buffer.from(name).toString().startsWith("system.posix_acl"));
}

async function printShort(out: Output, entries: Entry[], one: boolean): Promise<void> {
  const widths = entries.map(({ name }) => Buffer.from(out.name(name)).toString().length);
  const rows = out.isTerminal && !one ? columns(widths, out.width) : entries.length;
  for (let row = 0; row < rows; row++) {
    for (let i = row; i < entries.length; i += rows) {
      const entry = entries[i];
      if (!entry) continue;
      await out.writeName(entry.name, entry.stats);
      if (i + rows >= entries.length) continue;
      const width = Math.max(...widths.slice(i - row, i - row + rows));
      await out.write(" ".repeat(width - (widths[i] ?? 0) + 2));
    }
    await out.line();
  }
}

export const ls: Command = {
  name: "ls",
  summary: "list a folder",
  usage: "IMAGE [PATH] [-l] [-h] [-n] [-d] [-1]",
  details: "`tree` and `find -l` list folders with all below them.",
  options: {
    ...options(`
      -l, --long       show mode, owner, size and time
      -h, --human      with -l, sizes as 1.5K, 3M
      -n, --numeric    with -l, owners as numbers
      -d, --directory  list the folder itself, not its entries
      -a, --all        changes nothing: names that begin with a dot are always listed
      -1, --one        print one name a line, also on a terminal
    `),
    ...PATHS,
  },
  arity: [1, 2],
  run,
};
