import { options, PATHS } from "../args.js";
import { argument, type Command } from "../command.js";
import { exitCodeOf } from "../exit.js";
import { messageOf } from "../messages.js";
import { OutputFailed, PipeClosed } from "../output.js";
import type { Session } from "../session.js";

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const tree = await session.tree(argument(session, 0));
  const range = { start: args.number("start"), end: args.number("end") };
  for (const path of args.positionals.slice(1).map((text) => session.path(text))) {
    try {
      const reader = tree.createReadStream(path, { ...range, signal }).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        await out.write(value);
      }
    } catch (error) {
      // Like cat: say it, and go on with the next file.
      if (error instanceof PipeClosed || error instanceof OutputFailed || signal.aborted) throw error;
      await out.flush();
      session.say(messageOf(error));
      session.exitCode ||= exitCodeOf(error);
    }
  }
}

export const cat: Command = {
  name: "cat",
  summary: "print files",
  usage: "IMAGE PATH...",
  options: { ...options("--start N  begin at byte N\n--end N  end before byte N"), ...PATHS },
  refuses: ["json"],
  arity: [2, Number.POSITIVE_INFINITY],
  run,
};
