import { READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { escapeText } from "../../escape.js";
import { EXIT } from "../../exit.js";
import { table } from "../../format.js";
import type { Session } from "../../session.js";
import { survey } from "../../soci/survey.js";
import { LOOKED_AT, platformList, QUIET } from "./options.js";

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
    image.indexes.map((index) => ({
      digest: index.digest,
      size: index.size,
      platform: image.platform,
      version: index.version,
      image: image.digest,
      found: index.version === "v2" ? "annotation" : "referrers",
      buildTool: index.buildTool,
      layers: image.layers.length,
      ztocs: index.ztocs,
      prefetch: index.prefetch,
    })),
  );
  if (args.flag("json")) await session.json(found);
  else if (args.flag("quiet")) for (const { digest } of found) await out.line(digest);
  else if (found.length > 0) {
    const rows = found.map((it) => [
      it.digest,
      String(it.size),
      escapeText(it.platform),
      it.version,
      `${it.ztocs.length} of ${it.layers}`,
      escapeText(it.buildTool ?? "-"),
    ]);
    const head = ["DIGEST", "SIZE", "PLATFORM", "VERSION", "LAYERS", "BUILT BY"];
    for (const line of table([head, ...rows], [1])) await out.line(line);
  }
  if (found.length === 0) {
    if (!args.flag("json"))
      session.say("the image has no SOCI index; ocipeek soci create or convert makes one");
    session.exitCode = EXIT.notFound;
  }
}

export const list: Command = {
  name: "soci list",
  summary: "list the SOCI indexes of an image, of all its platforms",
  usage: "IMAGE [-q] [--platform OS/ARCH]...",
  details: `Version 2 is part of the image (soci convert), version 1 refers to it (soci create). Readers use version 2 if
there is one, or else the first of version 1, if they use that at all (ocipeek: with --attached-index, or after soci verify).
LAYERS says how many of the image's layers have a zTOC.
The exit code is ${EXIT.notFound} if there is no index.`,
  options: { ...QUIET, ...LOOKED_AT },
  refuses: READING,
  arity: [1, 1],
  run,
};
