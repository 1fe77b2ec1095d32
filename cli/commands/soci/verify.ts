import { verifyIndex } from "../../../js/build/entry/node.js";
import { options, READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { EXIT } from "../../exit.js";
import type { Session } from "../../session.js";
import { verifiedLines } from "../../soci/verified.js";
import { LOOKED_AT, platformList, SILENT } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const source = await session.source(argument(session, 0));
  const report = await verifyIndex(source, undefined, {
    platforms: platformList(args) ?? "all",
    sociIndex: args.text("soci-index"),
    limits: args.limits(),
    cache: await session.cache(),
    signal,
    onProgress: session.buildProgress(),
  });
  const outcomes = report.images.flatMap(({ layers }) => layers.map(({ outcome }) => outcome));
  const isThere = report.images.every(({ index }) => index !== undefined);
  if (outcomes.some((outcome) => outcome === "different" || outcome === "broken")) {
    session.exitCode = EXIT.verification;
  } else if (!isThere || outcomes.every((outcome) => outcome === "no-ztoc")) session.exitCode = EXIT.notFound;
  else if (!report.verified) session.exitCode = EXIT.unsupported;
  await session.print(report, () => verifiedLines(report), []);
}

export const verify: Command = {
  name: "soci verify",
  summary: "does a SOCI index say what the image's layers say?",
  usage: "IMAGE [--platform OS/ARCH]... [--soci-index DIGEST]",
  details: `Each layer that the index covers is streamed once; its zTOC is built anew, with the same span size and build tool, and
compared: entries, their order and all their fields, checkpoints with their windows, and digests of spans. Differences are
listed. The exit code is 0 if there are none, ${EXIT.verification} if there are some, ${EXIT.notFound} if there is no index or a platform has none,
and ${EXIT.unsupported} if no zTOC can be built of some layer.

Whoever may write to a repository can attach an index (version 1) to an image of it. So readers use such an index only
if they are told to (--attached-index), or once it was verified: it is then kept in the cache folder and used from there.`,
  options: {
    ...LOOKED_AT,
    ...options("--soci-index DIGEST  verify this index (default: the one that readers take)"),
    ...SILENT,
  },
  refuses: READING.filter((name) => name !== "soci-index"),
  arity: [1, 1],
  run,
};
