import { options } from "../args.js";
import { argument, type Command } from "../command.js";
import { escapeText } from "../escape.js";
import { siSize } from "../format.js";
import type { Session } from "../session.js";
import { VOUCHED } from "../words.js";

async function run(session: Session): Promise<void> {
  const image = await session.open(argument(session, 0));
  const config = await image.config({ signal: session.signal });
  if (session.args.flag("json")) {
    const { name, digest, indexDigest, platform, platformBy, platforms, annotations } = image;
    const { soci, discovery, layers } = image;
    const of = { name, digest, indexDigest, platform, platformBy, platforms };
    await session.json({ ...of, annotations, soci, discovery, layers, config });
    return;
  }
  const { out } = session;
  const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
  const field = async (label: string, value: string | undefined): Promise<void> => {
    if (value) await out.line(`${`${label}:`.padEnd(12)} ${escapeText(value)}`);
  };
  const list = async (label: string, values: readonly string[] | undefined): Promise<void> => {
    for (const [i, value] of (values ?? []).entries()) await field(i === 0 ? label : " ", value);
  };
  await field("Name", image.name);
  await field("Digest", image.digest);
  await field("Index", image.indexDigest);
  await field("Platform", image.platform);
  if (image.platforms.length > 1) await field("Platforms", image.platforms.join(", "));
  await field("Created", config.created);
  await field("Author", config.author);
  await field("Layers", `${image.layers.length}, ${siSize(size)}`);
  const indexed = image.layers.filter((layer) => layer.read === "ztoc").length;
  const readers = image.layers.map(({ reader }) => `${reader.name} (${reader.found})`);
  await field("Read by", [...new Set(readers)].join(", "));
  await field(
    "SOCI",
    image.soci
      ? `${image.soci.version}, ${image.soci.digest}, ${indexed} of ${image.layers.length} layers; ${VOUCHED[image.soci.verified]}`
      : "none",
  );
  await field("Attached", image.discovery?.failed && `unknown: ${image.discovery.failed.message}`);
  const run = config.config ?? {};
  await field("User", run.User);
  await field("WorkingDir", run.WorkingDir);
  if (run.Entrypoint?.length) await field("Entrypoint", JSON.stringify(run.Entrypoint));
  if (run.Cmd?.length) await field("Cmd", JSON.stringify(run.Cmd));
  await list("Env", run.Env);
  await list("Ports", Object.keys(run.ExposedPorts ?? {}));
  await list("Volumes", Object.keys(run.Volumes ?? {}));
  await field("StopSignal", run.StopSignal);
  await list(
    "Labels",
    Object.entries(run.Labels ?? {}).map(([key, value]) => `${key}=${value}`),
  );
  await list(
    "History",
    session.args.flag("history")
      ? config.history?.map((h) => `${h.created ?? "-"}  ${h.created_by ?? h.comment ?? "-"}`)
      : [],
  );
}

export const inspect: Command = {
  name: "inspect",
  summary: "show an image: digests, platform, config, and how it can be read",
  usage: "IMAGE [--history]",
  options: options("--history  show how the layers were built"),
  arity: [1, 1],
  run,
};
