import type { Args, Options } from "./args.js";
import { UsageError } from "./exit.js";
import type { Session } from "./session.js";

/** A command of the command line. */
export interface Command {
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

/** The arguments of a command, checked against its arity. */
export function checkArity(command: Command, positionals: readonly string[]): void {
  const [least, most] = command.arity;
  if (positionals.length >= least && positionals.length <= most) return;
  throw new UsageError(`usage: ocipeek ${command.name} ${command.usage}`);
}

/** Throws for an option that the command does not take although others do. */
export function checkOptions({ name, refuses = [] }: Command, args: Args): void {
  for (const option of refuses) {
    if (args.flag(option) || args.text(option) !== undefined) {
      throw new UsageError(`${name} takes no --${option}`);
    }
  }
}

/** Argument `i`, which the arity says is there. */
export function argument(session: Session, i: number): string {
  const value = session.args.positionals[i];
  if (value === undefined) throw new UsageError("an argument is missing");
  return value;
}
