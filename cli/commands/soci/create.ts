import { createIndex } from "../../../js/build/entry/node.js";
import { options, READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { UsageError } from "../../exit.js";
import type { Session } from "../../session.js";
import { makeAndWrite } from "../../soci/built.js";
import { BUILD, buildContext, buildOptions, PLATFORMS, QUIET } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const options = await buildOptions(args);
  const reference = argument(session, 0);
  const to = args.text("to") ?? reference;
  if (args.text("to") === undefined && /^(?:oci-archive|docker-archive|https?):/i.test(reference)) {
    throw new UsageError(`${reference} can only be read; say --to oci:DIR or --to REPOSITORY`);
  }
  const place = await session.destination(to, reference);
  await makeAndWrite(session, reference, place, async () => {
    const source = await session.source(reference);
    await place.reach?.(signal);
    return {
      source,
      artifacts: await createIndex(source, undefined, { ...options, ...(await buildContext(session)) }),
    };
  });
}

export const create: Command = {
  name: "soci create",
  summary: "make a SOCI index (version 1) beside an image, which stays as it is",
  usage: "IMAGE [--to DESTINATION] [OPTIONS]",
  details: `Every layer of the minimum size or more is streamed once; nothing is pulled, no daemon is needed. The index goes to
the image's own repository, as a referrer, or to DESTINATION: a repository, or oci:DIR, from where \`soci push\` takes it.
AWS's snapshotter loads indexes of version 1 only if it is set to, and ocipeek reads by them only with --attached-index,
after \`soci verify\`, or if it built them itself. \`soci convert\` makes version 2.`,
  options: {
    ...options("--to DESTINATION  write the index there: oci:DIR or a repository"),
    ...PLATFORMS,
    ...BUILD,
    ...QUIET,
  },
  refuses: READING,
  arity: [1, 1],
  run,
};
