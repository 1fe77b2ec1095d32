import { READING } from "../../args.js";
import type { Command } from "../../command.js";
import { escapeText } from "../../escape.js";
import { EXIT } from "../../exit.js";
import { table } from "../../format.js";
import type { Session } from "../../session.js";
import { LOOKED_AT, lookAt, QUIET } from "./options.js";

const HEAD = ["DIGEST", "SIZE", "PLATFORM", "VERSION", "LAYERS", "BUILT BY"];

async function run(session: Session): Promise<void> {
  const found = (await lookAt(session)).flatMap(
    ({ platform, digest: image, layers: { length: layers }, indexes }) =>
      indexes.map(({ digest, size, version, buildTool, ztocs, prefetch }) => {
        const found = version === "v2" ? "annotation" : "referrers";
        return { digest, size, platform, version, image, found, buildTool, layers, ztocs, prefetch };
      }),
  );
  const rows = found.map(({ digest, size, platform, version, buildTool = "-", ztocs, layers }) => [
    ...[digest, String(size), escapeText(platform), version],
    ...[`${ztocs.length} of ${layers}`, escapeText(buildTool)],
  ]);
  const digests = found.map(({ digest }) => digest);
  await session.print(found, () => (rows.length > 0 ? table([HEAD, ...rows], [1]) : []), digests);
  if (found.length === 0) {
    session.sayMissing("the image has no SOCI index; ocipeek soci create or convert makes one");
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
