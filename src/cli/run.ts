import { parse } from "./args.js";
import { type Command, checkArity, checkOptions } from "./command.js";
import { cat } from "./commands/cat.js";
import { cp } from "./commands/cp.js";
import { find } from "./commands/find.js";
import { inspect } from "./commands/inspect.js";
import { layers } from "./commands/layers.js";
import { ls } from "./commands/ls.js";
import { serve } from "./commands/serve.js";
import { soci } from "./commands/soci.js";
import { stat } from "./commands/stat.js";
import { tree } from "./commands/tree.js";
import { EXIT, exitCodeOf, UsageError } from "./exit.js";
import { commandHelp, generalHelp } from "./help.js";
import { type Output, PipeClosed } from "./output.js";
import { Session } from "./session.js";
import { version } from "./version.js";

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [inspect, ls, tree, cat, cp, stat, find, layers, soci, serve];

/** Runs a command line; gives the exit code. */
export async function run(argv: string[], out: Output, signal: AbortSignal): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--version" || name === "version") return print(out, `ocipeek ${await version()}`);
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const about = COMMANDS.find((command) => command.name === rest[0]);
    const help = about && name !== undefined ? commandHelp(about) : generalHelp(COMMANDS);
    if (name !== undefined) return print(out, help);
    process.stderr.write(`${help}\n`);
    return EXIT.usage;
  }
  const command = COMMANDS.find((c) => c.name === name);
  if (!command)
    return fail(new UsageError(`there is no command ${JSON.stringify(name)}; see ocipeek --help`));
  let session: Session | undefined;
  try {
    const args = parse(rest, command.options);
    if (args.flag("help")) return await print(out, commandHelp(command));
    checkOptions(command, args);
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
    if (error instanceof UsageError) process.stderr.write(`ocipeek: ${name} --help tells more\n`);
    return code;
  } finally {
    await session?.close();
  }
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
  const message = error instanceof Error ? error.message : String(error);
  if (session) session.say(message);
  else process.stderr.write(`ocipeek: ${message}\n`);
  return exitCodeOf(error);
}
