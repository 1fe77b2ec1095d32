import { stat } from "node:fs/promises";
import { type BuiltZtoc, buildZtoc } from "../../../js/build/entry/node.js";
import { fileBytes } from "../../../js/node/file-bytes.js";
import { COMMON, options } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { UsageError, unreadable } from "../../exit.js";
import { counted, siSize } from "../../format.js";
import type { Session } from "../../session.js";
import { writeFileAtomically } from "../../write-file.js";
import { ZTOC, ztocOptions } from "../soci/options.js";

const PIECE = 1 << 20;

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const layer = argument(session, 0);
  const output = args.text("output");
  if (output === undefined) throw new UsageError("-o FILE says where the zTOC goes; - is standard output");
  if (output === "-" && out.isTerminal)
    throw new UsageError("a zTOC does not belong on a terminal; redirect it");
  if (output === "-" && args.flag("json")) throw new UsageError("--json and -o - exclude each other");
  const size = layer === "-" ? undefined : (await stat(layer).catch(unreadable)).size;
  const { stdin } = process;
  // Somebody who does not end standard input must not keep an interrupt waiting.
  if (layer === "-") signal.addEventListener("abort", () => stdin.destroy(), { once: true });
  const built = await buildZtoc(layer === "-" ? stdin : fileBytes(layer), {
    ...ztocOptions(args),
    size,
    diffId: true,
    limits: args.limits(),
    signal,
    onProgress: session.buildProgress(),
  });
  try {
    if (output === "-") for await (const piece of pieces(built.blob)) await out.write(piece);
    else await writeFileAtomically(output, pieces(built.blob));
    if (output === "-") return;
    const { digest, size } = built.blob;
    const { layerDigest, layerSize, compression, diffId, tarSize, spanSize, buildTool, spans, entries } =
      built;
    const { needsXattrs, loadsInReference } = built;
    const layerFacts = { digest: layerDigest, size: layerSize, compression, diffId, tarSize };
    const facts = { spanSize, buildTool, spans, entries, needsXattrs, loadsInReference };
    const lines = [
      `zTOC:   ${digest}, ${siSize(size)}, ${counted(spans, "span")}, ${counted(entries, "entry")}`,
      `Layer:  ${layerDigest}, ${siSize(layerSize)}`,
      `Tar:    ${diffId}, ${siSize(tarSize)}`,
    ];
    await session.print({ digest, size, layer: layerFacts, ...facts }, () => lines, [digest]);
    if (!loadsInReference) {
      session.say("AWS's snapshotter builds the same zTOC but cannot load it; see docs/soci-compat.md");
    }
  } finally {
    await built.close();
  }
}

/** A zTOC's bytes, in order. */
async function* pieces(blob: BuiltZtoc["blob"]): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += PIECE) yield await blob.read(at, Math.min(at + PIECE, blob.size));
}

export const build: Command = {
  name: "ztoc build",
  summary: "make the zTOC of a layer",
  usage: "-o FILE LAYER [--span-size N] [--build-tool ID]",
  details: `LAYER is a file, or - for standard input: a tar, plain or gzip. It is read once, in order. The zTOC is byte for byte that of
AWS's soci for the same span size and build tool. FILE is replaced once all is written; - is standard output.`,
  options: {
    ...options("-o, --output FILE  write the zTOC there"),
    ...ZTOC,
    ...options("-q, --quiet  print the digest only, and no progress"),
  },
  refuses: Object.keys(COMMON).filter((name) => !["json", "limit", "help"].includes(name)),
  arity: [1, 1],
  run,
};
