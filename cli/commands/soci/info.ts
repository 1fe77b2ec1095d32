import type { Image, LayerInfo, SociInfo } from "../../../js/index.js";
import { options } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { escapeText } from "../../escape.js";
import { siSize, table } from "../../format.js";
import type { Session } from "../../session.js";
import { VOUCHED } from "../../words.js";

async function run(session: Session): Promise<void> {
  const reference = argument(session, 0);
  const named = session.args.flag("no-soci") || session.args.text("soci-index") !== undefined;
  // Shows an index that is merely attached, too; nothing of the image is read by it.
  const image = await session.open(reference, named ? {} : { attachedIndex: true });
  const { soci, discovery } = image;
  if (soci && session.args.flag("raw")) {
    const { bytes } = await (await session.source(reference)).manifest(soci.digest, {
      signal: session.signal,
    });
    await session.json(JSON.parse(new TextDecoder().decode(bytes)));
    return;
  }
  if (soci) await readSpanSizes(image, session.signal);
  const { layers } = image;
  await session.print({ soci: soci ?? null, discovery, layers }, () => (soci ? infoLines(soci, layers) : []));
  const why = discovery?.failed ? `, as far as can be found: ${discovery.failed.message}` : "";
  if (!soci) session.sayMissing(`the image has no SOCI index${why}`);
}

function infoLines(soci: SociInfo, layers: readonly LayerInfo[]): string[] {
  const rows = layers.map(({ index, size, ztoc }) => [
    ...[String(index), siSize(size), ztoc ? siSize(ztoc.size) : "-"],
    ...[ztoc?.spanSize === undefined ? "-" : siSize(ztoc.spanSize), ztoc?.digest ?? "not covered"],
  ]);
  return [
    `Index:    ${soci.digest}`,
    `Version:  ${soci.version}`,
    `Found by: ${escapeText(soci.found)}`,
    `Vouched:  ${VOUCHED[soci.verified]}`,
    ...(soci.buildTool ? [`Built by: ${escapeText(soci.buildTool)}`] : []),
    ...table([["#", "LAYER", "ZTOC", "SPAN", "ZTOC DIGEST"], ...rows], [0, 1, 2, 3]),
  ];
}

/** Looks into the layers whose span size the index does not say: their zTOCs do. */
async function readSpanSizes(image: Image, signal: AbortSignal): Promise<void> {
  const unknown = image.layers.filter(({ ztoc }) => ztoc && ztoc.spanSize === undefined);
  await Promise.all(unknown.map(({ index }) => image.layer(index).readdir("/", { signal })));
}

export const info: Command = {
  name: "soci info",
  summary: "show the SOCI index: how it was found, which layers it covers, span sizes",
  usage: "IMAGE [--raw]",
  details: `An index that is merely attached is shown too, although readers use none without --attached-index; "Vouched" says who
vouches for it. Older builders do not write span sizes into the index; they are then read from the zTOCs.`,
  options: options(`
    -p, --platform OS/ARCH  show this platform's image (default: linux on this machine's architecture, else the only one)
    --raw                   print the index's manifest
  `),
  arity: [1, 1],
  run,
};
