import "../../../js/build/entry/node.js";
import { keptDigest } from "../../../js/build/kept.js";
import { options, READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { EXIT } from "../../exit.js";
import type { Session } from "../../session.js";
import { byteCount } from "../../soci/bytes.js";
import { type CheckOptions, type CheckReport, check as judge, MIN_LAYER_SIZE } from "../../soci/check.js";
import { reportLines } from "../../soci/report.js";
import { survey } from "../../soci/survey.js";
import { LOOKED_AT, platformList, SILENT } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const platforms = platformList(args);
  const minLayerSize = byteCount("--min-layer-size", args.text("min-layer-size")) ?? MIN_LAYER_SIZE;
  const reference = argument(session, 0);
  const source = await session.source(reference);
  const found = await survey(source, { signal, referrers: "try", platforms });
  const isChecked = await checker(session);
  const open = args.flag("deep") ? opener(session, reference) : undefined;
  const options = {
    minLayerSize,
    acceptV1: args.flag("v1"),
    chosen: platforms !== undefined,
    isChecked,
    open,
  };
  const report = await judge({ ...found, name: reference }, options);
  if (!report.lazy) session.exitCode = EXIT.notFound;
  await session.print(report, () => reportLines(report), []);
  if (!report.lazy && !args.flag("json") && !args.flag("quiet")) session.say(advice(report, reference));
}

/** Whether all of an attached index is what was verified here: the cache keeps its zTOCs. */
async function checker(session: Session): Promise<CheckOptions["isChecked"]> {
  const cache = await session.cache();
  if (!cache) return undefined;
  return async ({ layers }, { ztocs }) => {
    const used = layers.flatMap((layer) => {
      const ztoc = ztocs.findLast((it) => it.layer === layer.digest);
      return ztoc ? [{ layer, ztoc }] : [];
    });
    for (const { layer, ztoc } of used) {
      if ((await keptDigest(cache, layer)) !== ztoc.digest) return false;
    }
    return used.length > 0;
  };
}

function advice({ platforms, minLayerSize }: CheckReport, reference: string): string {
  if (platforms.length === 0) return "the image has no platform that SOCI is for";
  const codes = new Set(platforms.flatMap(({ problems }) => problems.map(({ code }) => code)));
  codes.delete("LAYER_ZSTD");
  if (codes.size === 0) return "build the image with layers of gzip, then convert it";
  const all = platforms.length > 1 ? " --all-platforms" : "";
  const least = minLayerSize === MIN_LAYER_SIZE ? "" : ` --min-layer-size ${minLayerSize}`;
  return `this makes an image that is: ocipeek soci convert${all}${least} ${reference} NEW-IMAGE`;
}

/** Opens layers by their zTOCs, as a reader does: digest, structure, and that it belongs to the layer. */
function opener(session: Session, reference: string): CheckOptions["open"] {
  let image: { digest: string; index: string; opened: ReturnType<Session["open"]> } | undefined;
  return async ({ digest, platform }, index, layer) => {
    if (image?.digest !== digest || image.index !== index.digest) {
      await (await image?.opened)?.close();
      const opened = session.open(reference, { platform, sociIndex: index.digest });
      image = { digest, index: index.digest, opened };
    }
    await (await image.opened).layer(layer).readdir("/", { signal: session.signal });
  };
}

export const check: Command = {
  name: "soci check",
  summary: "would AWS Fargate and the SOCI snapshotter load an image lazily?",
  usage: "IMAGE [--platform OS/ARCH]... [--min-layer-size N] [--deep] [--v1]",
  details: `An image is loaded lazily if each platform has a SOCI index that is part of it (version 2), and every layer of the
minimum size or more has a zTOC in it. The exit code is 0 if so, and ${EXIT.notFound} if not. The report also says whether the image suits
Fargate, which wants a repository of Amazon ECR and gains little from small images; this does not change the exit code. It also
says whether the manifest names the index, or the index is attached (version 1), and whether it was verified here (soci verify).`,
  options: {
    ...LOOKED_AT,
    ...options(`
      --min-layer-size N  smaller layers need no zTOC, e.g. 10485760 or 10MiB (default: 10 MiB)
      --deep              fetch every zTOC and check it
      --v1                count indexes of version 1: the snapshotter is set to load them
    `),
    ...SILENT,
  },
  refuses: READING,
  arity: [1, 1],
  run,
};
