import { COMMON, type Options } from "./args.js";
import type { Command, Group } from "./command.js";
import { EXIT_TEXT } from "./exit.js";

const INTRO = `Usage: ocipeek COMMAND IMAGE [ARGUMENTS] [OPTIONS]

Looks into container images where they lie, without pulling them, and makes the SOCI indexes that speed this up.

IMAGE is a reference as Docker users write it (alpine, ghcr.io/o/app:1, localhost:5000/a@sha256:...),
oci:DIR[:TAG] or oci-archive:FILE[:TAG] as skopeo writes them, docker-archive:FILE[:TAG] as docker save does, or the URL
of an OCI image layout. A FILE may be compressed by gzip or zstd; it is then first read once from end to end.`;

/** The help of the whole program. */
export function generalHelp(commands: readonly (Command | Group)[]): string {
  const codes = EXIT_TEXT.map(([code, text]) => `  ${String(code).padEnd(4)} ${text}`);
  return [
    INTRO,
    "",
    "Commands:",
    ...commandLines(commands),
    "",
    "Options of all commands:",
    ...optionLines(COMMON, "help"),
    "",
    "Exit codes:",
    ...codes,
    "",
    "ocipeek COMMAND --help says more about one command.",
  ].join("\n");
}

/** The help of a group of commands. */
export function groupHelp(group: Group): string {
  return [
    `Usage: ocipeek ${group.name} COMMAND [ARGUMENTS] [OPTIONS]`,
    "",
    sentence(group.summary),
    "",
    "Commands:",
    ...commandLines(group.commands, group.name.length + 1),
    ...(group.details ? ["", group.details] : []),
    "",
    `ocipeek ${group.name} COMMAND --help says more about one command.`,
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const own = Object.keys(command.options).length > 0;
  const others = common(command);
  const rest = Object.keys(others).every((name) => name === "help")
    ? "Further options:"
    : "Options of all commands:";
  return [
    `Usage: ocipeek ${command.name} ${command.usage}`,
    "",
    sentence(command.summary),
    ...(command.details ? ["", command.details] : []),
    ...(own ? ["", "Options:", ...optionLines(command.options)] : []),
    "",
    rest,
    ...optionLines(others, command.options.human ? "" : "help"),
  ].join("\n");
}

function sentence(summary: string): string {
  return `${summary[0]?.toUpperCase()}${summary.slice(1)}${summary.endsWith("?") ? "" : "."}`;
}

function commandLines(commands: readonly (Command | Group)[], skip = 0): string[] {
  const width = Math.max(...commands.map(({ name }) => name.length - skip), 8);
  return commands.map(({ name, summary }) => `  ${name.slice(skip).padEnd(width)} ${summary}`);
}

/** The options of all commands that this one takes and has not as its own. */
function common({ options, refuses = [] }: Command): Options {
  return Object.fromEntries(
    Object.entries(COMMON).filter(([name]) => !refuses.includes(name) && !(name in options)),
  );
}

function optionLines(options: Options, hasH = ""): string[] {
  const rows = Object.entries(options).map(([name, option]) => {
    const short = option.short ?? (name === hasH ? "h" : undefined);
    const left = `${short ? `-${short}, ` : "    "}--${name}${option.value ? ` ${option.value}` : ""}`;
    return { left, help: option.help };
  });
  const width = Math.max(28, ...rows.map(({ left }) => left.length));
  return rows.map(({ left, help }) => `  ${left.padEnd(width)} ${help}`);
}
