import { stat } from "node:fs/promises";
import { OcipeekError } from "../../../js/index.js";
import { options, PATHS, READING } from "../../args.js";
import { argument, type Command } from "../../command.js";
import { UsageError, unreadable } from "../../exit.js";
import type { Session } from "../../session.js";
import { imageOfLayer } from "../../soci/one-layer.js";
import { writeFileAtomically } from "../../write-file.js";
import { IMAGE, listed, ztocBytes } from "./options.js";

async function run(session: Session): Promise<void> {
  const { args, out, signal } = session;
  const reference = args.text("image");
  const count = reference === undefined ? 3 : 2;
  if (args.positionals.length !== count) {
    const wanted = reference === undefined ? "ZTOC LAYER PATH, or --image IMAGE DIGEST PATH" : "DIGEST PATH";
    throw new UsageError(`name ${wanted}`);
  }
  const path = session.path(argument(session, count - 1));
  const { layer, named } =
    reference === undefined ? await ofFile(session) : await ofImage(session, reference);
  const output = args.text("output");
  try {
    const content = layer.createReadStream(path, { signal });
    if (output === undefined || output === "-") for await (const piece of content) await out.write(piece);
    else await writeFileAtomically(output, content);
  } catch (error) {
    throw named ? renamed(error, ...named) : error;
  }
}

/** The error, about a file in place of the digest that stands for it. */
function renamed(error: unknown, digest: string, file: string): unknown {
  if (!(error instanceof OcipeekError)) return error;
  const { code, what, path, pathBytes, offset, limit, allowed, remedies } = error;
  if (error.digest !== digest) return error;
  const details = { reference: file, path, pathBytes, offset, limit, allowed, remedies, cause: error };
  return new OcipeekError(code, what, details, ["", ` [${file}]`]);
}

type Layer = ReturnType<Awaited<ReturnType<Session["open"]>>["layer"]>;

interface Found {
  layer: Layer;
  /** A digest in errors, and the file it stands for. */
  named?: readonly [string, string];
}

async function ofFile(session: Session): Promise<Found> {
  const [name, layer] = [argument(session, 0), argument(session, 1)];
  const ztoc = await ztocBytes(session, name);
  await stat(layer).catch(unreadable);
  const { folder, digest } = await imageOfLayer(ztoc, layer);
  const image = await session.open(folder, { platform: "linux/amd64" });
  return { layer: image.layer(0), named: [digest, layer] };
}

async function ofImage(session: Session, reference: string): Promise<Found> {
  const { image, index, blob } = await listed(session, reference, argument(session, 0));
  const opened = await session.open(reference, { platform: image.platform, sociIndex: index.digest });
  return { layer: opened.layer(image.layers.findIndex(({ digest }) => digest === blob.layer)) };
}

const { escaped } = PATHS;

export const getFile: Command = {
  name: "ztoc get-file",
  summary: "print a file of a layer, reading only the spans it lies in",
  usage: "ZTOC LAYER PATH [-o FILE] | --image IMAGE DIGEST PATH [-o FILE]",
  details: `ZTOC and LAYER are files; with --image ZTOC is a digest, and the layer is read where the image is. Spans are checked
by their digests, and the file's tar header against the zTOC. Links are followed within the layer.`,
  options: {
    ...options("-o, --output FILE  write it there (default: standard output)"),
    ...IMAGE,
    ...(escaped ? { escaped } : {}),
  },
  refuses: ["platform", "json", ...READING],
  arity: [2, 3],
  run,
};
