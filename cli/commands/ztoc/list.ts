import { READING } from "../../args.js";
import type { Command } from "../../command.js";
import { table } from "../../format.js";
import type { Session } from "../../session.js";
import { LOOKED_AT, lookAt, QUIET } from "../soci/options.js";

async function run(session: Session): Promise<void> {
  const found = (await lookAt(session)).flatMap(({ platform, indexes }) =>
    indexes.flatMap(({ digest: index, ztocs }) =>
      ztocs.map(({ digest, size, layer, spanSize }) => ({ digest, size, layer, spanSize, platform, index })),
    ),
  );
  // Indexes of several versions or platforms share zTOCs.
  const rows = found.map(({ digest, size, layer }) => [digest, String(size), layer]);
  const lines = () =>
    new Set(rows.length > 0 ? table([["DIGEST", "SIZE", "LAYER DIGEST"], ...rows], [1]) : []);
  await session.print(found, lines, new Set(found.map(({ digest }) => digest)));
  if (found.length === 0) session.sayMissing("the image has no zTOCs");
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
