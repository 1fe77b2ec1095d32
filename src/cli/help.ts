import { COMMON, type Options } from "./args.js";
import type { Command } from "./command.js";
import { EXIT_TEXT } from "./exit.js";

const INTRO = `Usage: ocipeek COMMAND IMAGE [ARGUMENTS] [OPTIONS]

Looks into container images where they lie, without pulling them.

IMAGE is a reference as Docker users write it (alpine, ghcr.io/o/app:1, localhost:5000/a@sha256:...),
oci:DIR[:TAG] or oci-archive:FILE[:TAG] as skopeo writes them, docker-archive:FILE[:TAG] as docker save does, or the
URL of an OCI image layout.`;

/** The help of the whole program. */
export function generalHelp(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`);
  const codes = EXIT_TEXT.map(([code, text]) => `  ${String(code).padEnd(4)} ${text}`);
  return [
    INTRO,
    "",
    "Commands:",
    ...list,
    "",
    "Options of all commands:",
    ...optionLines(COMMON, "help"),
    "",
    "Exit codes:",
    ...codes,
    "",
    "ocipeek COMMAND --help tells more of one command.",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const own = Object.keys(command.options).length > 0;
  return [
    `Usage: ocipeek ${command.name} ${command.usage}`,
    "",
    `${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.`,
    ...(command.details ? ["", command.details] : []),
    ...(own ? ["", "Options:", ...optionLines(command.options)] : []),
    "",
    "Options of all commands:",
    ...optionLines(common(command), command.options.human ? "" : "help"),
  ].join("\n");
}

/** The options of all commands that this one takes. */
function common({ refuses = [] }: Command): Options {
  return Object.fromEntries(Object.entries(COMMON).filter(([name]) => !refuses.includes(name)));
}

function optionLines(options: Options, hasH = ""): string[] {
  return Object.entries(options).map(([name, option]) => {
    const short = option.short ?? (name === hasH ? "h" : undefined);
    const left = `${short ? `-${short}, ` : "    "}--${name}${option.value ? ` ${option.value}` : ""}`;
    return `  ${left.padEnd(28)} ${option.help}`;
  });
}
