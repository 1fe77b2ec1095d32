import { stat } from "node:fs/promises";
import { PATHS } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { UsageError } from "../../exit.js";
import type { Session } from "../../session.js";
import { imageOfLayer } from "../../soci/one-layer.js";
import { writeFileAtomically } from "../../write-file.js";
import { IMAGE, listed, unreadable, ztocBytes } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const reference = args.text("image");
  const count = reference === undefined ? 3 : 2;
  if (args.positionals.length !== count) {
    const wanted = reference === undefined ? "ZTOC LAYER PATH, or --image IMAGE DIGEST PATH" : "DIGEST PATH";
    throw new UsageError(`name ${wanted}`);
  }
  const path = session.path(argument(session, count - 1));
  const layer = reference === undefined ? await ofFile(session) : await ofImage(session, reference);
  const content = layer.createReadStream(path, { signal });
  const output = args.text("output");
  if (output === undefined || output === "-") for await (const piece of content) await out.write(piece);
  else await writeFileAtomically(output, content);
}

type Layer = ReturnType<Awaited<ReturnType<Session["open"]>>["layer"]>;

async function ofFile(session: Session): Promise<Layer> {
  const [name, layer] = [argument(session, 0), argument(session, 1)];
  const ztoc = await ztocBytes(session, name);
  await stat(layer).catch(unreadable);
  const folder = await imageOfLayer(ztoc, layer);
  return (await session.open(folder, { platform: "linux/amd64" })).layer(0);
}

async function ofImage(session: Session, reference: string): Promise<Layer> {
  const { image, index, blob } = await listed(session, reference, argument(session, 0));
  const opened = await session.open(reference, { platform: image.platform, sociIndex: index.digest });
  return opened.layer(image.layers.findIndex(({ digest }) => digest === blob.layer));
}

const { escaped } = PATHS;

export const getFile: Command = {
  name: "ztoc get-file",
  summary: "print a file of a layer, reading only the spans it lies in",
  usage: "ZTOC LAYER PATH [-o FILE] | --image IMAGE DIGEST PATH [-o FILE]",
  details: `ZTOC and LAYER are files; with --image ZTOC is a digest, and the layer is read where the image is. Spans are checked
by their digests, and the file's tar header against the zTOC. Links are followed within the layer.`,
  options: {
    output: { type: "string", short: "o", value: "FILE", help: "write it there (default: standard output)" },
    ...IMAGE,
    ...(escaped ? { escaped } : {}),
  },
  refuses: ["platform", "soci-index", "no-soci", "insecure-unverified", "json"],
  arity: [2, 3],
  run,
};
