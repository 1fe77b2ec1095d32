import { parse } from "./args.js";
import { type Command, checkArity, checkOptions, type Found, findCommand, type Group } from "./command.js";
import { cat } from "./commands/cat.js";
import { cp } from "./commands/cp.js";
import { find } from "./commands/find.js";
import { inspect } from "./commands/inspect.js";
import { layers } from "./commands/layers.js";
import { ls } from "./commands/ls.js";
import { serve } from "./commands/serve.js";
import { soci } from "./commands/soci/index.js";
import { stat } from "./commands/stat.js";
import { tree } from "./commands/tree.js";
import { ztoc } from "./commands/ztoc/index.js";
import { EXIT, exitCodeOf, UsageError } from "./exit.js";
import { commandHelp, generalHelp, groupHelp } from "./help.js";
import { messageOf } from "./messages.js";
import { type Output, PipeClosed } from "./output.js";
import { Session } from "./session.js";
import { version } from "./version.js";

/** All commands, in the order of the help. */
export const COMMANDS: readonly (Command | Group)[] = [
  inspect,
  ls,
  tree,
  cat,
  cp,
  stat,
  find,
  layers,
  soci,
  ztoc,
  serve,
];

/** Runs a command line; gives the exit code. */
export async function run(argv: string[], out: Output, signal: AbortSignal): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--version" || name === "version") return print(out, `ocipeek ${await version()}`);
  if (name === undefined) return misused(generalHelp(COMMANDS));
  if (name === "help" || name === "--help" || name === "-h") {
    const { command, group, unknown } = findCommand(COMMANDS, rest);
    if (rest.length > 0 && unknown === undefined) {
      if (command) return print(out, commandHelp(command));
      if (group) return print(out, groupHelp(group));
    }
    return print(out, generalHelp(COMMANDS));
  }
  const found = findCommand(COMMANDS, argv);
  if (found.command) return runCommand(found.command, found, out, signal);
  if (found.group) {
    const { group, rest } = found;
    if (rest[0] === undefined) return misused(groupHelp(group));
    if (rest.some((word) => word === "--help" || word === "-h" || word === "help")) {
      return print(out, groupHelp(group));
    }
    return fail(noCommand(`${group.name} ${rest[0]}`, `${group.name} --help`));
  }
  return fail(noCommand(name, "--help"));
}

async function runCommand(command: Command, found: Found, out: Output, signal: AbortSignal): Promise<number> {
  let session: Session | undefined;
  try {
    const args = parse(found.rest, command.options);
    if (args.flag("help")) return await print(out, commandHelp(command));
    checkOptions(command, args);
    if (found.unknown !== undefined && found.group && args.positionals.length > command.arity[1]) {
      return fail(noCommand(`${found.group.name} ${found.unknown}`, `${found.group.name} --help`));
    }
    checkArity(command, args.positionals);
    session = new Session(args, out, signal);
    await command.run(session);
    await out.flush();
    return session.exitCode;
  } catch (error) {
    if (error instanceof PipeClosed) return EXIT.ok;
    await out.flush().catch(() => {});
    if (signal.aborted) return EXIT.interrupted;
    const code = fail(error, session);
    if (error instanceof UsageError) process.stderr.write(`ocipeek: ${command.name} --help tells more\n`);
    return code;
  } finally {
    await session?.close();
  }
}

function noCommand(words: string, help: string): UsageError {
  return new UsageError(`there is no command ${JSON.stringify(words)}; see ocipeek ${help}`);
}

function misused(help: string): number {
  process.stderr.write(`${help}\n`);
  return EXIT.usage;
}

async function print(out: Output, text: string): Promise<number> {
  try {
    await out.line(text);
    await out.flush();
  } catch (error) {
    if (!(error instanceof PipeClosed)) throw error;
  }
  return EXIT.ok;
}

function fail(error: unknown, session?: Session): number {
  const message = messageOf(error);
  if (session) session.say(message);
  else process.stderr.write(`ocipeek: ${message}\n`);
  return exitCodeOf(error);
}
