import type { Stats } from "../../js/index.js";
import { options, PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
import { escapeBytes, escapeText } from "../escape.js";
import { fullTime, modeString } from "../format.js";
import type { Session } from "../session.js";
import { VOUCHED } from "../words.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const tree = await session.tree(argument(session, 0));
  const all: Stats[] = [];
  for (const path of args.positionals.slice(1).map((text) => session.path(text))) {
    const stats = args.flag("dereference")
      ? await tree.stat(path, { signal })
      : await tree.lstat(path, { signal });
    if (args.flag("json")) all.push(stats);
    else for (const line of describe(stats)) await session.out.line(line);
  }
  if (args.flag("json")) await session.json(all.length === 1 ? all[0] : all);
}

/** Attributes as lines for people. */
export function describe(stats: Stats): string[] {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0");
  const owner = (id: number, name: string): string => (name ? `${id} (${escapeText(name)})` : String(id));
  const { manifest, metadata, content, header, index } = stats.verified;
  const device = stats.type === "char-device" || stats.type === "block-device";
  const lines: [string, string | undefined][] = [
    ["Path", escapeBytes(stats.pathBytes)],
    ["Link to", stats.isSymbolicLink() ? escapeBytes(stats.linknameBytes ?? new Uint8Array()) : undefined],
    ["Name of", stats.hardlinkOfBytes && escapeBytes(stats.hardlinkOfBytes)],
    ["Type", stats.type],
    ["Size", String(stats.size)],
    ["Device", device ? `${stats.devMajor}, ${stats.devMinor}` : undefined],
    ["Mode", `${mode} (${modeString(stats.type, stats.mode)})`],
    ["Owner", owner(stats.uid, stats.uname)],
    ["Group", owner(stats.gid, stats.gname)],
    ["Links", String(stats.nlink)],
    ["Modified", fullTime(stats)],
    ["Layer", stats.layer < 0 ? "none: only implied by what it holds" : String(stats.layer)],
    [
      "Verified",
      `manifest by ${manifest}; attributes by ${metadata}; content by ${content}; header ${header ? "checked" : "not checked"}`,
    ],
    ["Index", index && VOUCHED[index]],
  ];
  for (const [name, value] of stats.xattrsBytes) {
    lines.push(["Xattr", `${escapeBytes(name)} = ${escapeBytes(value)}`]);
  }
  return lines.flatMap(([label, value]) =>
    value === undefined ? [] : [`${`${label}:`.padEnd(10)} ${value}`],
  );
}

export const stat: Command = {
  name: "stat",
  summary: "show a file's attributes, its layer, and how it is verified",
  usage: "IMAGE PATH... [-L]",
  options: { ...options("-L, --dereference  show what a link leads to"), ...PATHS },
  arity: [2, Number.POSITIVE_INFINITY],
  run,
};
