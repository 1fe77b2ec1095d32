import { argument, type Command } from "../command.js";
import { escapeText } from "../escape.js";
import { EXIT } from "../exit.js";
import { siSize, table } from "../format.js";
import type { Session } from "../session.js";

async function run(session: Session): Promise<void> {
  const { soci, layers } = await session.open(argument(session, 0));
  if (session.args.flag("json")) {
    await session.json({ soci: soci ?? null, layers });
  } else if (soci) {
    const { out } = session;
    await out.line(`Index:   ${soci.digest}`);
    await out.line(`Version: ${soci.version}`);
    await out.line(`Found:   ${escapeText(soci.found)}`);
    if (soci.buildTool) await out.line(`Built by: ${escapeText(soci.buildTool)}`);
    const rows = layers.map((layer) => [
      String(layer.index),
      siSize(layer.size),
      layer.ztoc ? siSize(layer.ztoc.size) : "-",
      layer.ztoc?.spanSize === undefined ? "-" : siSize(layer.ztoc.spanSize),
      layer.ztoc?.digest ?? "not covered",
    ]);
    for (const line of table([["#", "LAYER", "ZTOC", "SPAN", "ZTOC DIGEST"], ...rows], [0, 1, 2, 3])) {
      await out.line(line);
    }
  }
  if (!soci) {
    if (!session.args.flag("json")) session.say("the image has no SOCI index");
    session.exitCode = EXIT.notFound;
  }
}

export const soci: Command = {
  name: "soci",
  summary: "show the SOCI index: how it was found, which layers it covers, span sizes",
  usage: "IMAGE",
  details:
    "A span size of - is known only once the layer is read: older builders do not write it into the index.",
  options: {},
  arity: [1, 1],
  run,
};
