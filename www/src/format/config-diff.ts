/** Differences between two images' configs. @module */
import type { ImageConfig } from "ocipeek";

/** One value on both sides; `undefined` where a side has none. */
export interface ConfigChange {
  /** `Cmd`, `Env PATH`, `Label org.opencontainers.image.version`. */
  name: string;
  left: string | undefined;
  right: string | undefined;
}

/** The differences, in the order of the fields; names of variables and labels sorted. */
export function configChanges(left: ImageConfig, right: ImageConfig): ConfigChange[] {
  const [a, b] = [flat(left), flat(right)];
  const names = [...new Set([...a.keys(), ...b.keys()])];
  // Fields come in one order on both sides; what only the right has goes to its own kind.
  names.sort((x, y) => rank(x) - rank(y) || (x < y ? -1 : x > y ? 1 : 0));
  return names
    .map((name) => ({ name, left: a.get(name), right: b.get(name) }))
    .filter((it) => it.left !== it.right);
}

const KINDS = ["Platform", "Created", "Author", "User", "WorkingDir", "Entrypoint", "Cmd", "Env", "Port"];
const LATER = ["Volume", "StopSignal", "Label"];

function rank(name: string): number {
  return [...KINDS, ...LATER].indexOf(name.split(" ", 1)[0] ?? "");
}

function flat(image: ImageConfig): Map<string, string> {
  const found = new Map<string, string>();
  const put = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") found.set(name, value);
  };
  const { config = {} } = image;
  put("Platform", [image.os, image.architecture, image.variant].filter(Boolean).join("/"));
  put("Created", image.created);
  put("Author", image.author);
  put("User", config.User);
  put("WorkingDir", config.WorkingDir);
  put("Entrypoint", config.Entrypoint && JSON.stringify(config.Entrypoint));
  put("Cmd", config.Cmd && JSON.stringify(config.Cmd));
  put("StopSignal", config.StopSignal);
  for (const line of config.Env ?? []) {
    const cut = line.indexOf("=");
    // Also an empty value is one.
    found.set(`Env ${cut < 0 ? line : line.slice(0, cut)}`, cut < 0 ? "" : line.slice(cut + 1));
  }
  for (const [name, value] of Object.entries(config.Labels ?? {})) found.set(`Label ${name}`, value);
  for (const port of Object.keys(config.ExposedPorts ?? {})) found.set(`Port ${port}`, "exposed");
  for (const volume of Object.keys(config.Volumes ?? {})) found.set(`Volume ${volume}`, "declared");
  return found;
}
