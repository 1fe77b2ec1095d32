import type { Args, Options } from "./args.js";
import { UsageError } from "./exit.js";
import type { Session } from "./session.js";

/** A command of the command line. */
export interface Command {
  /** All its words: `ls`, `soci create`. */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What follows the name. */
  usage: string;
  /** Further paragraphs of the help. */
  details?: string;
  options: Options;
  /** Options of all commands that mean nothing here. */
  refuses?: readonly string[];
  /** Number of arguments: at least, at most. */
  arity: readonly [number, number];
  run(session: Session): Promise<void>;
}

/** Commands under one word: `soci create`, `soci list`. */
export interface Group {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Further paragraphs of the help. */
  details?: string;
  commands: readonly Command[];
  /** Other words that lead to a command or group: by their words, the words to take instead. */
  aliases?: Readonly<Record<string, string>>;
  /** Runs where the second word is none of these. */
  otherwise?: Command;
}

/** The arguments of a command, checked against its arity. */
export function checkArity(command: Command, positionals: readonly string[]): void {
  const [least, most] = command.arity;
  if (positionals.length >= least && positionals.length <= most) return;
  throw new UsageError(`usage: ocipeek ${command.name} ${command.usage}`);
}

/** Throws for an option that the command does not take although others do. */
export function checkOptions({ name, refuses = [] }: Command, args: Args): void {
  const given = refuses.find((option) => args.has(option));
  if (given) throw new UsageError(`${name} takes no --${given}`);
}

/** Argument `i`, which the arity says is there. */
export function argument(session: Session, i: number): string {
  const value = session.args.positionals[i];
  if (value === undefined) throw new UsageError("an argument is missing");
  return value;
}

/** Result of a look-up of a command. */
export interface Found {
  command?: Command;
  group?: Group;
  /** What follows the command's words. */
  rest: string[];
  /** The word that was taken for an argument because no command of the group is called so. */
  unknown?: string;
}

/** Finds the command that a command line begins with. */
export function findCommand(all: readonly (Command | Group)[], argv: readonly string[]): Found {
  const [first, ...rest] = argv;
  const found = all.find(({ name }) => name === first);
  if (!found) return { rest };
  if (!("commands" in found)) return { command: found, rest };
  for (const words of [2, 1]) {
    const given = rest.slice(0, words).join(" ");
    const aliases = found.aliases ?? {};
    const alias = rest.length >= words && Object.hasOwn(aliases, given) ? aliases[given] : undefined;
    if (alias) return findCommand(all, [...alias.split(" "), ...rest.slice(words)]);
  }
  const [second] = rest;
  const command = found.commands.find(({ name }) => name === `${found.name} ${second}`);
  if (command) return { command, group: found, rest: rest.slice(1) };
  if (!found.otherwise || second === undefined || isHelp(second)) return { group: found, rest };
  const unknown = second.startsWith("-") ? {} : { unknown: second };
  return { command: found.otherwise, group: found, rest, ...unknown };
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h" || word === "help";
}
