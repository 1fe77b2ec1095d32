import { argument, type Command } from "../command.js";
import { escapeText } from "../escape.js";
import { siSize, table } from "../format.js";
import type { Session } from "../session.js";

async function run(session: Session): Promise<void> {
  const image = await session.open(argument(session, 0));
  const layers = await image.findKeptIndexes({ signal: session.signal });
  if (session.args.flag("json")) {
    await session.json(layers);
    return;
  }
  const rows = layers.map((layer) => [
    String(layer.index),
    layer.digest,
    siSize(layer.size),
    layer.read,
    layer.reader.found,
    escapeText(layer.mediaType),
  ]);
  const lines = table([["#", "DIGEST", "SIZE", "READ", "FOUND BY", "MEDIA TYPE"], ...rows], [0, 2]);
  for (const line of lines) await session.out.line(line);
}

export const layers: Command = {
  name: "layers",
  summary: "list the layers and how each is read",
  usage: "IMAGE",
  details: `READ says how each layer is read: ztoc (lazily, by SOCI or by a cached index that was built here), tar (by ranges, with
--insecure-unverified), whole (fetched once, up to the limit maxWholeLayerSize), zstd (streamed, once to list it and again up
to the file for each read), or lazily by another format. FOUND BY says how that was found.`,
  options: {},
  arity: [1, 1],
  run,
};
