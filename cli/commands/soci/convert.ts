import { stat } from "node:fs/promises";
import { convertImage } from "../../../js/build/entry/node.js";
import { options, READING } from "../../args.js";
import type { Command } from "../../command.js";
import { UsageError, unreadable } from "../../exit.js";
import { tagOf } from "../../places.js";
import type { Session } from "../../session.js";
import { makeAndWrite } from "../../soci/built.js";
import { BUILD, buildContext, buildOptions, PLATFORMS, QUIET } from "./options.js";

const FORMATS = ["oci-archive", "oci-dir"] as const;

async function run(session: Session): Promise<void> {
  const { args, signal } = session;
  const options = await buildOptions(args);
  const [from, to] = await places(session);
  const place = await session.destination(to, from, { archive: true });
  await makeAndWrite(session, from, place, async () => {
    const tag = tagOf(place);
    const source = await session.source(from);
    await place.reach?.(signal);
    const all = { ...options, ...(await buildContext(session)) };
    return { source, artifacts: await convertImage(source, undefined, all), tag };
  });
}

/** Where from and where to. `--standalone` names paths in place of references, as AWS's soci does. */
async function places({ args }: Session): Promise<[from: string, to: string]> {
  const [from = "", to = ""] = args.positionals;
  const format = args.text("format");
  if (!args.flag("standalone")) {
    if (format !== undefined)
      throw new UsageError("--format needs --standalone; or write oci:DIR or oci-archive:FILE");
    return [from, to];
  }
  args.oneOf("format", FORMATS, " or ");
  const isFolder = (await stat(from).catch(unreadable)).isDirectory();
  return [
    `${isFolder ? "oci" : "oci-archive"}:${from}`,
    `${format === "oci-dir" ? "oci" : "oci-archive"}:${to}`,
  ];
}

export const convert: Command = {
  name: "soci convert",
  summary: "copy an image to a new one that holds its SOCI index (version 2)",
  usage: "IMAGE NEW-IMAGE [OPTIONS]",
  details: `NEW-IMAGE is a reference with a tag, oci:DIR[:TAG] or oci-archive:FILE[:TAG]. The layers stay the same: in the
same registry they are mounted, elsewhere copied. Platforms that are not chosen stay as they are. Copy the new image with
tools that take all of an image, such as \`skopeo copy --all\`: a platform copied alone loses its index.`,
  options: {
    ...PLATFORMS,
    ...BUILD,
    ...options(`
      --standalone     take IMAGE and NEW-IMAGE as paths, as AWS's soci does (oci: or oci-archive:)
      --format FORMAT  with --standalone, the format of NEW-IMAGE: oci-archive (default) or oci-dir
    `),
    ...QUIET,
  },
  refuses: READING,
  arity: [2, 2],
  run,
};
