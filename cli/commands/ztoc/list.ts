import { READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { EXIT } from "../../exit.js";
import { table } from "../../format.js";
import type { Session } from "../../session.js";
import { survey } from "../../soci/survey.js";
import { LOOKED_AT, platformList, QUIET } from "../soci/options.js";

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const platforms = platformList(args);
  const source = await session.source(argument(session, 0));
  const wanted = platforms ? { platforms } : {};
  const { images } = await survey(source, undefined, { signal, referrers: "try", ...wanted });
  for (const { unlisted } of images) {
    if (unlisted) session.say(`what is attached to the image could not be found out: ${unlisted}`);
  }
  const found = images.flatMap((image) =>
    image.indexes.flatMap((index) =>
      index.ztocs.map(({ digest, size, layer, spanSize }) => {
        const { platform } = image;
        return { digest, size, layer, spanSize, platform, index: index.digest };
      }),
    ),
  );
  if (args.flag("json")) await session.json(found);
  else if (args.flag("quiet")) {
    for (const digest of new Set(found.map((it) => it.digest))) await out.line(digest);
  } else if (found.length > 0) {
    const rows = found.map((it) => [it.digest, String(it.size), it.layer]);
    for (const line of unique(table([["DIGEST", "SIZE", "LAYER DIGEST"], ...rows], [1])))
      await out.line(line);
  }
  if (found.length === 0) {
    if (!args.flag("json")) session.say("the image has no zTOCs");
    session.exitCode = EXIT.notFound;
  }
}

/** Indexes of several versions or platforms share zTOCs. */
function unique(lines: string[]): string[] {
  return [...new Set(lines)];
}

export const list: Command = {
  name: "ztoc list",
  summary: "list the zTOCs of an image, and their layers",
  usage: "IMAGE [-q] [--platform OS/ARCH]...",
  options: { ...QUIET, ...LOOKED_AT },
  refuses: READING,
  arity: [1, 1],
  run,
};
