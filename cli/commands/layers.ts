import { argument, type Command } from "../command.js";
import { escapeText } from "../escape.js";
import { siSize, table } from "../format.js";
import type { Session } from "../session.js";

async function run(session: Session): Promise<void> {
  const image = await session.open(argument(session, 0));
  const layers = await image.findKeptIndexes({ signal: session.signal });
  const rows = layers.map(({ index, digest, size, read, reader, mediaType }) => {
    return [String(index), digest, siSize(size), read, reader.found, escapeText(mediaType)];
  });
  const head = ["#", "DIGEST", "SIZE", "READ", "FOUND BY", "MEDIA TYPE"];
  await session.print(layers, () => table([head, ...rows], [0, 2]));
}

export const layers: Command = {
  name: "layers",
  summary: "list the layers and how each is read",
  usage: "IMAGE",
  details: `READ says how each layer is read: ztoc (lazily, by SOCI or a cached index that was built here), tar (by ranges, with
--insecure-unverified), whole (fetched once, up to the limit maxWholeLayerSize), zstd (streamed, once to list it and again up
to the file for each read), or lazily by another format. FOUND BY says how that was found.`,
  options: {},
  arity: [1, 1],
  run,
};
