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
  const indexed = image.layers.filter((layer) => layer.read === "ztoc").length;
  const readers = image.layers.map(({ reader }) => `${reader.name} (${reader.found})`);
  const { soci } = image;
  const covered = `${indexed} of ${image.layers.length} layers`;
  const run = config.config ?? {};
  const history = config.history?.map((h) => `${h.created ?? "-"}  ${h.created_by ?? h.comment ?? "-"}`);
  const fields: Record<string, string | readonly string[] | undefined> = {
    Name: image.name,
    Digest: image.digest,
    Index: image.indexDigest,
    Platform: image.platform,
    Platforms: image.platforms.length > 1 ? image.platforms.join(", ") : undefined,
    Created: config.created,
    Author: config.author,
    Layers: `${image.layers.length}, ${siSize(size)}`,
    "Read by": [...new Set(readers)].join(", "),
    SOCI: soci ? `${soci.version}, ${soci.digest}, ${covered}; ${VOUCHED[soci.verified]}` : "none",
    Attached: image.discovery?.failed && `unknown: ${image.discovery.failed.message}`,
    User: run.User,
    WorkingDir: run.WorkingDir,
    Entrypoint: run.Entrypoint?.length ? JSON.stringify(run.Entrypoint) : undefined,
    Cmd: run.Cmd?.length ? JSON.stringify(run.Cmd) : undefined,
    Env: run.Env,
    Ports: Object.keys(run.ExposedPorts ?? {}),
    Volumes: Object.keys(run.Volumes ?? {}),
    StopSignal: run.StopSignal,
    Labels: Object.entries(run.Labels ?? {}).map(([key, value]) => `${key}=${value}`),
    History: session.args.flag("history") ? history : [],
  };
  for (const [label, value] of Object.entries(fields)) {
    for (const [i, line] of [value ?? []].flat().entries()) {
      if (line) await out.line(`${`${i === 0 ? label : " "}:`.padEnd(12)} ${escapeText(line)}`);
    }
  }
}

export const inspect: Command = {
  name: "inspect",
  summary: "show an image: digests, platform, config, and how it can be read",
  usage: "IMAGE [--history]",
  options: options("--history  show how the layers were built"),
  arity: [1, 1],
  run,
};
