import { COMMON, type Options } from "./args.js";
import type { Command, Group } from "./command.js";
import { EXIT_TEXT } from "./exit.js";

const INTRO = `Usage: ocipeek COMMAND IMAGE [ARGUMENTS] [OPTIONS]

Looks into container images where they lie, without pulling them, and makes the SOCI indexes that speed this up.

IMAGE is a reference as Docker users write it (alpine, ghcr.io/o/app:1, localhost:5000/a@sha256:...),
oci:DIR[:TAG] or oci-archive:FILE[:TAG] as skopeo writes them, docker-archive:FILE[:TAG] as docker save does, or the URL
of an OCI image layout. A FILE may be compressed by gzip or zstd; it is then first read once from end to end.`;

/** A list below its title. */
const block = (title: string, lines: string[]): string => `\n\n${title}:\n${lines.join("\n")}`;

/** The help of the whole program. */
export function generalHelp(commands: readonly (Command | Group)[]): string {
  const codes = EXIT_TEXT.map(([code, text]) => `  ${String(code).padEnd(4)} ${text}`);
  const options = block("Options of all commands", optionLines(COMMON, "help"));
  const end = "ocipeek COMMAND --help says more about one command.";
  return `${INTRO}${block("Commands", commandLines(commands))}${options}${block("Exit codes", codes)}\n\n${end}`;
}

/** The help of a group of commands. */
export function groupHelp({ name, summary, details, commands }: Group): string {
  const lines = block("Commands", commandLines(commands, name.length + 1));
  const head = `Usage: ocipeek ${name} COMMAND [ARGUMENTS] [OPTIONS]\n\n${sentence(summary)}`;
  const end = `ocipeek ${name} COMMAND --help says more about one command.`;
  return `${head}${lines}${details ? `\n\n${details}` : ""}\n\n${end}`;
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const { name, usage, summary, details, options } = command;
  const others = common(command);
  const isOne = Object.keys(others).every((name) => name === "help");
  const head = `Usage: ocipeek ${name} ${usage}\n\n${sentence(summary)}${details ? `\n\n${details}` : ""}`;
  const own = Object.keys(options).length > 0 ? block("Options", optionLines(options)) : "";
  const rest = optionLines(others, options.human ? "" : "help");
  return `${head}${own}${block(isOne ? "Further options" : "Options of all commands", rest)}`;
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
